"""What a good reader knows of a planted domain: it recognises causes in lines and in sentences.

Nothing else is known: not which calls a pool holds, nor which cause was planted in which.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from failure_insights_tests.quality.domains import HARD, NAMES, Cause, Domain, domain, word_choice

#: A sentence is a judge's on a cause if it has this part of the words of one that judges say.
SAME_SENTENCE = 0.75
_TRANSCRIPT_LINE = re.compile(r"^(\w{6})\|(\d+)\|([^|\n]*)\| (.*)$", re.MULTILINE)
_SLOT = re.compile(r"\{(\w+)\}")
#: What notes say in place of a name, a date or a number.
_IN_GENERAL = {
    "name": "the caller",
    "date": "another day",
    "time": "some time",
    "amount": "an amount",
    "id": "a number",
}


@dataclass(frozen=True)
class Line:
    """A line of a transcript as a prompt shows it."""

    mark: str
    number: int
    text: str


@dataclass(frozen=True)
class Knowledge:
    """The causes of one domain."""

    domain: Domain

    @property
    def causes(self) -> tuple[Cause, ...]:
        return (*self.domain.causes, self.domain.twin)

    def in_line(self, text: str) -> str | None:
        """Return the cause that stands in a line of a transcript."""
        for cause in self.causes:
            if cause.mark and cause.mark in text:
                return cause.key
            if not cause.mark and _pattern(cause.line[1]).fullmatch(text.strip()):
                return cause.key
        return None

    def questions_metric(self, explanation: str) -> str | None:
        """Return what kind of metric finding the judge's words are, or None."""
        if any(sentence in explanation for sentence in self.domain.hidden):
            return "nothing_called_for_it"
        if any(sentence in explanation for sentence in self.domain.false_reasons):
            return "reason_not_in_call"
        return None

    def shows_a_pass(self, text: str) -> bool:
        """Return whether the line belongs to how such a call goes well."""
        return any(_pattern(content).fullmatch(text.strip()) for _, content in self.domain.good)

    def in_words(self, text: str) -> list[str]:
        """Return the causes that a text speaks of, in its order; none if it names no cause."""
        found = (_cause_of_sentence(self.domain.name, s) for s in _sentences(text))
        return list(dict.fromkeys(cause for cause in found if cause))

    def word(self, cause: str, choice: int) -> str:
        """Return one of the sentences that speak of the cause, without names and numbers."""
        sentences = self.domain.cause(cause).says
        said = _SLOT.sub(lambda slot: _IN_GENERAL[slot[1]], sentences[choice % len(sentences)])
        return said[0].upper() + said[1:]

    def origin(self, cause: str) -> str:
        """Return where the fix belongs."""
        is_tools = self.domain.cause(cause).line[0] == "tool_result"
        return "tool_or_integration" if is_tools else "agent_reasoning"


def knowledge_of(text: str) -> Knowledge:
    """Return what is known of the domain whose metric a prompt is about."""
    return next(Knowledge(domain(name)) for name in (*NAMES, HARD) if domain(name).rubric in text)


def lines_of(text: str) -> list[Line]:
    """Return the transcript's lines in a prompt."""
    return [Line(m[1], int(m[2]), m[4]) for m in _TRANSCRIPT_LINE.finditer(text)]


@cache
def _pattern(content: str) -> re.Pattern[str]:
    parts = _SLOT.split(content.replace("{{", "\0").replace("}}", "\1"))
    # Every second part is a slot's name.
    literal = [re.escape(part.replace("\0", "{").replace("\1", "}")) for part in parts[::2]]
    return re.compile(".+?".join(literal))


def _sentences(text: str) -> Iterator[str]:
    yield from re.split(r"(?<=[.!?])\s+|\n|\s\|\s", text)


@lru_cache(maxsize=100_000)
def _cause_of_sentence(name: str, sentence: str) -> str | None:
    words = _words(sentence)
    best: dict[str, float] = {}
    for cause, known in _known_sentences(name):
        likeness = len(words & known) / len(known)
        best[cause] = max(best.get(cause, 0.0), likeness)
    ranked = sorted(best, key=lambda cause: -best[cause])
    is_known = best[ranked[0]] >= SAME_SENTENCE and best[ranked[0]] > best[ranked[1]]
    return ranked[0] if is_known else None


@cache
def _known_sentences(name: str) -> tuple[tuple[str, frozenset[str]], ...]:
    causes = (*domain(name).causes, domain(name).twin)
    return tuple(
        (cause.key, _words(_SLOT.sub(" ", sentence))) for cause in causes for sentence in cause.says
    )


def _words(text: str) -> frozenset[str]:
    canonical = _canonical_words()
    found = re.findall(r"[a-z_]+", text.casefold())
    return frozenset(canonical.get(word, word) for word in found)


@cache
def _canonical_words() -> dict[str, str]:
    """Return one word for those that judges use in turn."""
    names: dict[str, str] = {}
    for word, others in word_choice()["synonyms"].items():
        for other in (word, *others):
            for part in other.casefold().split():
                names[part] = names.get(part, names.get(word, word))
    return names
