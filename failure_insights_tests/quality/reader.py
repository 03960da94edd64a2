"""A scripted LLM that reads planted calls: an oracle, or one that errs as often as it is told.

It answers over real HTTP (`EndpointServer(Reader())`) and sees what an LLM would see, the text of
the request; what it knows of the domain is in `knowledge.py`. So it measures the machinery around
the LLM (sampling, assignment, selection, verification, identity), and no prompt and no model.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failure_insights.audit.agent.themes import FEW_CALLS
from failure_insights.audit.agent.tools import SUBMIT
from failure_insights_tests.endpoint.server import Reply, Sent, answers, uses_tools
from failure_insights_tests.quality.knowledge import Knowledge, Line, knowledge_of, lines_of

_NOTE = re.compile(
    r"^(c\d+) \[[a-z_]+(; [a-z' ]+)?\] cause: (.*?)(?: \| beside it: .*?)? \| symptom:", re.M
)
_UNREAD = re.compile(r"^\s*(c\d+(?:, c\d+)*)(?: and \d+ more)?: (.+)$", re.M)
_POOL = re.compile(r"^The pool: (\d+) failing calls", re.M)
_PRIOR = re.compile(r"^ *((?:th|ca)_\w+) \| (.+)$", re.M)
_THEME = re.compile(r"^(T\d+): (.+)$", re.M)
_ITEM = re.compile(r"^(c\d+): (.+)$", re.M)
#: Ways to name a cause. The same cause has other titles on other days, as with an LLM.
_TITLES = ("{} by the agent", "Agent failure with {}", "Calls fail on {}", "Problem of {} in calls")
_SYMPTOM = "The caller did not get what they called for."
_MOST_THEMES = 6


@dataclass(frozen=True)
class Noise:
    """How often a reader errs, 0 to 1; which answers it errs on depends on their text and `seed`.

    Attributes:
        notes: names a wrong cause of the pool, or says that the call passed; its quote is of
            another line, and half of the time in other words.
        quotes: right notes that quote in other words, or cite another line.
        labels: puts a call in another theme.
        checks: critics' verdicts on a call, and second votes, that are wrong.
    """

    notes: float = 0.0
    quotes: float = 0.0
    labels: float = 0.0
    checks: float = 0.0
    seed: int = 0


ORACLE = Noise()
NOISY = Noise(notes=0.2, quotes=0.2, labels=0.03, checks=0.05)
#: Of wrong notes, those that take a failing call for a pass.
_WRONG_PASS = 0.2


@dataclass
class Reader:
    """The script of an endpoint. `causes` are those that a wrong note chooses from.

    A curious one uses tools in its first turn, although it has no need to.
    """

    noise: Noise = ORACLE
    causes: Sequence[str] = ()
    is_curious: bool = False
    delay_s: float = 0.0

    def __call__(self, sent: Sent) -> Reply:
        if SUBMIT in sent.tools and sent.schema_name != "draft":
            return self._take_turn(sent).after(self.delay_s)
        data = sent.data
        knows = knowledge_of(data)
        stage = sent.schema_name or ""
        value: Mapping[str, Any] = {
            "note": self._note,
            "draft": self._draft,
            "assignment": self._assign,
            "critique": self._criticise,
            "vote": self._vote,
        }[stage](knows, data)
        return answers(sent, value).after(self.delay_s)

    def label(self, data: str) -> str:
        """Return the cause of the call that a note is asked for, as this reader sees it."""
        knows = knowledge_of(data)
        note = self._note(knows, data)
        if note["verdict_check"] in ("metric_met", "reason_not_in_call"):
            return str(note["verdict_check"])
        if note["called_for"] == "no":
            return "nothing_called_for_it"
        return next(iter(knows.in_words(note["root_cause"])), "unclear")

    def _note(self, knows: Knowledge, data: str) -> dict[str, Any]:
        lines = lines_of(data)
        found = _first_cause(knows, lines)
        met = next((line for line in lines if knows.shows_a_pass(line.text)), None)
        key = data[data.index("\nThe judge's explanation") :]
        if self._errs(self.noise.notes, "note", key) and lines:
            return self._wrong_note(knows, lines, found[0] if found else None, key)
        if found is None and met is not None and (kind := knows.questions_metric(key)):
            note = _noted(knows, None, met.number, met.text, 0)
            is_reason = kind == "reason_not_in_call"
            check = "reason_not_in_call" if is_reason else "reason_shown"
            return note | {"verdict_check": check, "called_for": "yes" if is_reason else "no"}
        if found is None and met is not None and "omitted ...]" not in data:
            return _noted(knows, None, met.number, met.text, self._number("words", key))
        if found is None:
            unclear = {
                "verdict_check": "cannot_tell",
                "root_cause": "Unclear from these lines.",
                "cause_title": "",
                "origin": "unclear",
            }
            return _noted(knows, None, None, "", 0) | unclear
        cause, line = found
        note = _noted(knows, cause, line.number, line.text, self._number("words", key))
        if self._errs(self.noise.quotes, "quote", key):
            is_paraphrased = self._errs(0.5, "paraphrase", key)
            quote = _paraphrased(line.text) if is_paraphrased else line.text
            note["evidence"] = [{"line": line.number + 3, "quote": quote}]
        return note

    def _wrong_note(
        self, knows: Knowledge, lines: Sequence[Line], true: str | None, key: str
    ) -> dict[str, Any]:
        line = lines[self._number("wrong line", key) % len(lines)]
        quote = _paraphrased(line.text) if self._errs(0.5, "paraphrase", key) else line.text
        if true and self._errs(_WRONG_PASS, "pass", key):
            return _noted(knows, None, line.number, quote, 0)
        known = self.causes or [cause.key for cause in knows.domain.causes]
        others = [cause for cause in known if cause != true] or [knows.domain.twin.key]
        wrong = others[self._number("wrong cause", key) % len(others)]
        return _noted(knows, wrong, line.number, quote, self._number("words", key))

    def _take_turn(self, sent: Sent) -> Reply:
        seen = "\n".join(
            str(m.get("content") or "") for m in sent.messages if m["role"] != "system"
        )
        knows = knowledge_of(seen)
        draft = self._draft(knows, seen)
        uses: list[tuple[str, object]] = [(SUBMIT, draft)]
        is_first = not any(message["role"] == "tool" for message in sent.messages)
        if self.is_curious and is_first and sent.schema_name is None:
            unread = [handle for handles, _ in _unread(seen) for handle in handles]
            criteria = [c["criterion"] for theme in draft["themes"] for c in theme["causes"]]
            uses.append(("read_calls", {"handles": unread[:12]}))
            uses.append(("test_criteria", {"criteria": criteria}))
        return uses_tools(uses)

    def _draft(self, knows: Knowledge, data: str) -> dict[str, Any]:
        calls: dict[str, list[str]] = defaultdict(list)
        noted = set()
        for handle, looks_like_a_pass, cause in _NOTE.findall(data):
            noted.add(handle)
            for key in [] if looks_like_a_pass else knows.in_words(cause)[:1]:
                calls[key].append(handle)
        for handles, said in _unread(data):
            for key in knows.in_words(said)[:1]:
                calls[key] += [handle for handle in handles if handle not in noted]
        priors: dict[tuple[str, str], str] = {}
        theme_id = ""
        for prior_id, text in _PRIOR.findall(data):
            theme_id = prior_id if prior_id.startswith("th_") else theme_id
            for key in knows.in_words(text)[:1]:
                if prior_id.startswith("ca_"):
                    priors.setdefault((key, "ca"), prior_id)
                    priors.setdefault((key, "th"), theme_id)
        least = 1 if int(_POOL.findall(data)[0]) < FEW_CALLS else 2
        large = [key for key, handles in calls.items() if len(handles) >= least]
        ranked = sorted(large, key=lambda key: (-len(calls[key]), key))[:_MOST_THEMES]
        words = self._number("title", data)
        themes = [_theme(knows, key, calls[key], priors, words) for key in ranked]
        rest = sorted(calls.keys() - set(ranked))
        others = [_drafted_cause(knows, key, calls[key], priors, words) for key in rest]
        return {
            "analysis": "One theme for each cause that was noted.",
            "themes": themes,
            "other_causes": others,
        }

    def _assign(self, knows: Knowledge, data: str) -> dict[str, Any]:
        listed, items = data.split("\nItems:\n", 1)
        theme_of: dict[str, str] = {}
        for label, criterion in _THEME.findall(listed):
            for key in knows.in_words(criterion)[:1]:
                theme_of.setdefault(key, label)
        if lines := lines_of(items):
            return {"items": [self._labelled_by_lines(knows, theme_of, lines, items)]}
        found = [self._labelled(knows, theme_of, *item) for item in _ITEM.findall(items)]
        return {"items": found}

    def _labelled_by_lines(
        self, knows: Knowledge, theme_of: Mapping[str, str], lines: Sequence[Line], item: str
    ) -> dict[str, Any]:
        """Return the label of a call by its transcript; as hard to tell as a note is to take."""
        handle, _, text = item.partition(": ")
        found = _first_cause(knows, lines)
        label = theme_of.get(found[0], "OTHER") if found else "UNCLEAR"
        if theme_of and self._errs(self.noise.notes, "label by lines", text):
            labels = sorted({*theme_of.values()} - {label}) or [label]
            label = labels[self._number("wrong label", text) % len(labels)]
        confidence = "high" if found else "low"
        label_of = {"handle": handle, "why": "By its lines.", "label": label, "also": None}
        return {**label_of, "confidence": confidence}

    def _labelled(
        self, knows: Knowledge, theme_of: Mapping[str, str], handle: str, text: str
    ) -> dict[str, Any]:
        said, _, noted = text.partition(" | noted cause: ")
        of_judge, of_note = knows.in_words(said)[:1], knows.in_words(noted)[:1]
        cause = (of_note or of_judge or [""])[0]
        label = theme_of.get(cause, "OTHER") if cause else "UNCLEAR"
        agree = not (of_note and of_judge) or of_note == of_judge
        if theme_of and self._errs(self.noise.labels, "label", text):
            labels = sorted({*theme_of.values()})
            label = labels[self._number("wrong label", text) % len(labels)]
        confidence = "high" if cause and agree else "low"
        label_of = {"handle": handle, "why": "By its cause.", "label": label, "also": None}
        return {**label_of, "confidence": confidence}

    def _criticise(self, knows: Knowledge, data: str) -> dict[str, Any]:
        head, rest = data.split("\nMembers:\n", 1)
        cause = knows.in_words(head[head.index("\nCriteria of its causes:") :])[0]
        blocks = re.split(r"\n\n(?=c\d+: )", rest.split("\n\nNear misses:\n")[0].strip())
        members = [self._checked(knows, cause, block) for block in blocks]
        fix = f"Change the agent's instructions so that this ends: {knows.word(cause, 0)}"
        return {"members": members, "better_title": "", "suggested_fix": fix}

    def _checked(self, knows: Knowledge, cause: str, block: str) -> dict[str, Any]:
        handle, _, said = block.partition(": ")
        found = _first_cause(knows, lines_of(block))
        line = found[1] if found else None
        if lines_of(block) and not found:
            true = None  # the noted cause alone; the lines do not show it
        else:
            true = found[0] if found else next(iter(knows.in_words(said.split("\n")[0])), None)
        verdict = "cannot_tell" if true is None else "fits" if true == cause else "does_not_fit"
        if self._errs(self.noise.checks, "check", said):
            verdict = "does_not_fit" if verdict == "fits" else "fits"
        return {
            "handle": handle,
            "line": line.number if line else None,
            "quote": line.text if line else "",
            "verdict": verdict,
        }

    def _vote(self, knows: Knowledge, data: str) -> dict[str, Any]:
        lines = lines_of(data)
        found = _first_cause(knows, lines)
        met = next((line for line in lines if knows.shows_a_pass(line.text)), None)
        decides = found[1] if found else met
        verdict = "fail" if found else "pass" if met else "cannot_tell"
        kind = None if found else knows.questions_metric(data)
        if self._errs(self.noise.checks, "vote", data):
            kind = None
            verdict = "pass" if verdict == "fail" else "fail"
        return {
            "reasoning": "The metric was met." if verdict == "pass" else "It was not met.",
            "line": decides.number if decides else None,
            "quote": decides.text if decides else "",
            "verdict": verdict,
            "reason_in_call": "no" if kind == "reason_not_in_call" else "yes",
            "called_for": "no" if kind == "nothing_called_for_it" else "yes",
        }

    def _errs(self, rate: float, what: str, text: str) -> bool:
        return self._number(what, text) < rate * 2**32

    def _number(self, what: str, text: str) -> int:
        """Return 0 to 2**32: the same for the same text, whatever else is asked in which order."""
        key = f"{self.noise.seed}\0{what}\0{text}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def _first_cause(knows: Knowledge, lines: Sequence[Line]) -> tuple[str, Line] | None:
    return next(((cause, line) for line in lines if (cause := knows.in_line(line.text))), None)


def _unread(data: str) -> list[tuple[list[str], str]]:
    """Return the unread calls of the digest, and what their judges said."""
    return [(handles.split(", "), said) for handles, said in _UNREAD.findall(data)]


def _paraphrased(text: str) -> str:
    return "roughly: " + " ".join(sorted(text.split(), reverse=True))


def _title(cause: str, words: int) -> str:
    return _TITLES[words % len(_TITLES)].format(cause.replace("_", " "))


def _noted(
    knows: Knowledge, cause: str | None, line: int | None, quote: str, words: int
) -> dict[str, Any]:
    """Return a note; without a cause it says that the metric was met."""
    return {
        "what_happened": _SYMPTOM,
        "first_error_line": line if cause else None,
        "root_cause": knows.word(cause, words) if cause else "Nothing went wrong.",
        "cause_title": _title(cause, words) if cause else "",
        "second_cause": "",
        "symptom": _SYMPTOM,
        "harm": "",
        "origin": knows.origin(cause) if cause else "judge_or_metric",
        "verdict_check": "reason_shown" if cause else "metric_met",
        "called_for": "yes",
        "evidence": [{"line": line, "quote": quote}] if quote else [],
        "suspicious_instructions": False,
    }


def _theme(
    knows: Knowledge,
    cause: str,
    handles: Sequence[str],
    priors: Mapping[tuple[str, str], str],
    words: int,
) -> dict[str, Any]:
    return {
        "reuse_theme_id": priors.get((cause, "th")),
        "title": _title(cause, words),
        "description": f"{knows.word(cause, words)} {_SYMPTOM}",
        "causes": [_drafted_cause(knows, cause, handles, priors, words)],
        "origin": knows.origin(cause),
        "suggested_fix": "",
        "severity_reason": _SYMPTOM,
        "severity": "high",
    }


def _drafted_cause(
    knows: Knowledge,
    cause: str,
    handles: Sequence[str],
    priors: Mapping[tuple[str, str], str],
    words: int,
) -> dict[str, Any]:
    return {
        "reuse_cause_id": priors.get((cause, "ca")),
        "title": _title(cause, words),
        "criterion": knows.word(cause, words // 7),
        "not_this": "Calls that failed for another reason.",
        "seed_handles": list(handles),
        "also_handles": [],
    }
