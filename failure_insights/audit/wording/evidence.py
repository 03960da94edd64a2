"""Quotes of a group: lines of the transcript that the judge cites, else the judge's own words."""

# ruff: noqa: RUF001 - judges use quotation marks of every kind
import re
from collections.abc import Iterator, Mapping, Sequence

from failure_insights.audit.explanations.text import MAX_CHARACTERS, sentences
from failure_insights.domain.breakdown import Evidence
from failure_insights.domain.calls import Turn

QUOTES = 3
MAX_QUOTE = 300
#: Shorter quotations are terms and names, which stand in a transcript by chance.
MIN_QUOTE_WORDS, MIN_QUOTE_CHARACTERS = 4, 12

_QUOTED = re.compile(
    r"\"([^\"\n]{8,400})\"|“([^”\n]{8,400})”|«([^»\n]{8,400})»|「([^」\n]{4,400})」"
    r"|(?<!\w)['‘]([^'‘’\n](?:[^\n]{6,400}?))['’](?!\w)"
)


def quotations(explanation: str) -> Iterator[str]:
    """Yield what the explanation puts in quotation marks, cut at an ellipsis, longest part only."""
    for match in _QUOTED.finditer(explanation[:MAX_CHARACTERS]):
        quoted = next(part for part in match.groups() if part)
        yield max(re.split(r"\.\.\.|…", quoted), key=len).strip()


def in_transcript(quotation: str, turns: Sequence[Turn]) -> tuple[int, str] | None:
    """Return the turn that holds the quotation and the turn's own spelling of it, or None.

    Every word has to be there, in order; case and what stands between the words may differ.
    """
    words = re.findall(r"\w+", quotation)
    if len(words) < MIN_QUOTE_WORDS or len(quotation) < MIN_QUOTE_CHARACTERS:
        return None
    pattern = re.compile(r"\b" + r"\W{1,4}".join(map(re.escape, words)) + r"\b", re.IGNORECASE)
    for index, turn in enumerate(turns):
        if match := pattern.search(turn.content):
            return index, match[0]
    return None


def evidence_of(
    call_ids: Sequence[str],
    explanations: Mapping[str, str],
    transcripts: Mapping[str, Sequence[Turn]],
    telling: Mapping[str, float],
) -> tuple[Evidence, ...]:
    """Return up to QUOTES quotes of different calls, lines of a transcript first.

    Args:
        call_ids: the group's calls, the most typical first.
        transcripts: those that were read; may lack any call.
        telling: words of the group with their weights, to choose the judge's best sentence.
    """
    lines: list[Evidence] = []
    for call_id in call_ids:
        quoted = sorted(quotations(explanations[call_id]), key=lambda q: -_worth(q, telling))
        for quotation in quoted:
            if place := in_transcript(quotation, transcripts.get(call_id, ())):
                lines.append(Evidence(call_id, place[0], _cut(place[1])))
                break
    words = [
        Evidence(call_id, None, quote)
        for call_id in call_ids
        if (quote := best_sentence(explanations[call_id], telling))
    ]
    return _different([*_new_words_first(lines), *_new_words_first(words)])


def _different(candidates: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return the first QUOTES of different calls."""
    chosen: dict[str, Evidence] = {}
    for item in candidates:
        if len(chosen) < QUOTES:
            chosen.setdefault(item.call_id, item)
    return tuple(chosen.values())


def _new_words_first(candidates: Sequence[Evidence]) -> list[Evidence]:
    """Return the quotes with those at the end whose words stand earlier already."""
    first = {item.quote.casefold(): item for item in reversed(candidates)}
    return sorted(candidates, key=lambda item: first[item.quote.casefold()] is not item)


def best_sentence(explanation: str, telling: Mapping[str, float]) -> str:
    """Return the sentence with most of the telling words, word for word; "" if there is none."""
    said = sentences(explanation[:MAX_CHARACTERS])
    return _cut(max(said, key=lambda sentence: _worth(sentence, telling), default=""))


def _worth(text: str, telling: Mapping[str, float]) -> float:
    words = {word.casefold() for word in re.findall(r"[^\W_](?:[\w'’-]*[^\W_])?", text)}
    return sum(telling.get(word, 0.0) for word in words)


def _cut(quote: str) -> str:
    """Return the beginning of the quote, up to MAX_QUOTE characters and a whole word."""
    if len(quote) <= MAX_QUOTE:
        return quote
    return quote[: MAX_QUOTE + 1].rsplit(None, 1)[0][:MAX_QUOTE]
