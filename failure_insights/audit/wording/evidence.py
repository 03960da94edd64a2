"""Chooses the quotes of a group: transcript lines that the judge cites, else the judge's words."""

# ruff: noqa: RUF001 - judges use quotation marks of every kind
import re
from collections.abc import Iterator, Mapping, Sequence

from failure_insights.audit.explanations.text import MAX_CHARACTERS, best_sentence, worth
from failure_insights.domain.breakdown import Evidence
from failure_insights.domain.calls import Turn
from failure_insights.text.harmless import CJK
from failure_insights.text.quotes import find

#: Quotes of a group, each of another call.
QUOTES = 3
#: Words of a quotation; shorter ones are terms and names, which stand in a transcript by chance.
MIN_QUOTE_WORDS = 4

_QUOTED = re.compile(
    r"\"([^\"\n]{8,400})\"|“([^”\n]{8,400})”|«([^»\n]{8,400})»|「([^」\n]{4,400})」"
    r"|(?<!\w)['‘]([^'‘’\n](?:[^\n]{6,400}?))['’](?!\w)"
)


def quotations(explanation: str) -> Iterator[str]:
    """Yield what the explanation quotes, of a quotation with an ellipsis its longest part."""
    for match in _QUOTED.finditer(explanation[:MAX_CHARACTERS]):
        quoted = next(part for part in match.groups() if part)
        longest = max(re.split(r"\.\.\.|…", quoted), key=len).strip()
        if len(re.findall(r"\w+", longest)) >= MIN_QUOTE_WORDS or CJK.search(longest):
            yield longest


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
        quoted = sorted(quotations(explanations[call_id]), key=lambda q: -worth(q, telling))
        for quotation in quoted:
            if span := find(quotation, None, transcripts.get(call_id, ())):
                lines.append(Evidence(call_id, span.turn, span.text))
                break
    words = [
        Evidence(call_id, None, quote)
        for call_id in call_ids
        if (quote := best_sentence(explanations[call_id], telling))
    ]
    return _different([*new_words_first(lines), *new_words_first(words)])


def _different(candidates: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return the first QUOTES of different calls."""
    chosen: dict[str, Evidence] = {}
    for item in candidates:
        if len(chosen) < QUOTES:
            chosen.setdefault(item.call_id, item)
    return tuple(chosen.values())


def new_words_first(candidates: Sequence[Evidence]) -> list[Evidence]:
    """Return the quotes with those at the end whose words stand earlier already."""
    first = {item.quote.casefold(): item for item in reversed(candidates)}
    return sorted(candidates, key=lambda item: first[item.quote.casefold()] is not item)
