"""What an import says to people: what form files have, what was refused, and what was left out."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from failure_insights.ingest.report import ImportReport, LackingCalls, LineResult
from failure_insights.sources import FORMATS

#: Of more files the forms are summed up.
FORMS_SAID = 10
#: So many refusals in a row for one reason are named each; of the others only their number.
REFUSALS_SAID = 10
#: Names of calls or files in a sentence.
NAMES_SAID = 5

Say = Callable[[str], None]
#: The format of calls, or None where none was recognized, and how a file holds them.
Form = tuple[str | None, str]


@dataclass(slots=True)
class Watch:
    """Says what is wrong while an import goes on, and at its end what form its files have."""

    say: Say
    format: str
    _forms: dict[str, dict[Form, None]] = field(default_factory=dict)
    _refused: Counter[str] = field(default_factory=Counter)
    _taken: Counter[str] = field(default_factory=Counter)
    _last: LineResult | None = None
    _in_a_row: int = 0
    _lacks_project: bool = False

    def note(self, result: LineResult) -> None:
        """Take one result, in order."""
        source = result.source
        forms = self._forms.setdefault(source.place.file, {})
        if result.status == "rejected":
            self._refuse(result)
        else:
            self._sum_up()
            forms[source.format, source.form] = None
            self._taken[source.place.file] += 1

    def end(self, files: Sequence[str]) -> None:
        """Say what form the files have, and which of them hold no call."""
        self._sum_up()
        if self._lacks_project:
            self.say("--project NAME says whose calls these are.")
        names = " or ".join([", ".join(FORMATS[:-1]), FORMATS[-1]])
        known = "a known format" if self.format == "auto" else f"the format {self.format}"
        for file in [file for file in self._refused if file not in self._taken]:
            if self._refused[file]:
                self.say(f"{file}: nothing in it is a call in {known}; --format takes {names}")
        read = [*self._forms]
        empty = [file for file in files if not any(_is_in(name, file) for name in read)]
        for file in empty[:NAMES_SAID]:
            self.say(f"{file}: no call in it")
        if len(empty) > NAMES_SAID:
            self.say(f"and {len(empty) - NAMES_SAID:,} more files without a call")
        if len(read) <= FORMS_SAID:
            for file, forms in self._forms.items():
                if forms:
                    self.say(f"{file}: {'; '.join(map(_form, forms))}")
        else:
            counts = Counter("; ".join(map(_form, forms)) for forms in self._forms.values())
            for form, count in counts.most_common():
                if form:
                    self.say(f"{plural(count, 'file')}: {form}")

    def _refuse(self, result: LineResult) -> None:
        last, file = self._last, result.source.place.file
        if last is None or (last.source.place.file, last.reason) != (file, result.reason):
            self._sum_up()
        self._last = result
        self._in_a_row += 1
        self._refused[file] += result.source.format is None or self.format != "auto"
        self._lacks_project |= result.reason == "project is missing"
        if self._in_a_row <= REFUSALS_SAID:
            self.say(f"{result.source.place}: {result.reason}")

    def _sum_up(self) -> None:
        last, more = self._last, self._in_a_row - REFUSALS_SAID
        if last and more > 0:
            self.say(f"{last.source.place}: the last of {more:,} more in a row: {last.reason}")
        self._last, self._in_a_row = None, 0


def tell_report(report: ImportReport, say: Say) -> None:
    """Say what was not taken of the calls, and what their metrics need."""
    for sentence in report.told:
        say(sentence)
    for reason, count in report.passed_over.most_common():
        say(f"passed over: {reason}: {count:,}")
    for kind, count in report.left_out.most_common():
        example = report.examples.get(kind)
        say(f"left out: {kind}: {count:,}" + (f"; the first: {example}" if example else ""))
    _tell_lacking(report.without_turns, "without a transcript", say)
    _tell_lacking(report.without_results, "without a metric result, so not to be audited", say)
    for (project, metric), count in report.unjudged.most_common():
        rule = shlex.join(["failure-insights", "metrics", "rule", project, metric, ">= 4"])
        say(f"{plural(count, 'score')} of {metric!r} without a verdict: give a pass rule: {rule}")


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _tell_lacking(calls: LackingCalls, what: str, say: Say) -> None:
    if calls.count:
        say(f"{plural(calls.count, 'call')} {what}: {_some(calls.first(NAMES_SAID), calls)}")


def _some(names: Iterable[str], of: LackingCalls) -> str:
    shown = [*names]
    more = of.count - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _form(form: Form) -> str:
    name, layout = form
    return f"{name or 'no known format'}, {layout}" if layout else str(name)


def _is_in(name: str, file: str) -> bool:
    return name == file or name.startswith(f"{file}/")
