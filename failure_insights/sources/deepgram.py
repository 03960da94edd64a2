"""Deepgram: words with a speaker's number each, put together to turns.

Shape: developers.deepgram.com, "Diarization"; also Cekura's `transcript_type` "deepgram". Nothing
says which speaker is the agent: who speaks first is taken for it, as deployed agents greet their
callers, and each turn keeps its speaker's number.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from failure_insights.sources import times
from failure_insights.sources.fields import get, mappings, part
from failure_insights.sources.texts import words
from failure_insights.sources.transcript import Transcript


def is_of_words(entries: Sequence[Any]) -> bool:
    """Return whether a list holds words, or utterances of numbered speakers."""
    first = entries[0]
    return isinstance(first, dict) and (
        "word" in first or ("role" not in first and isinstance(first.get("speaker"), int))
    )


def words_of(response: Mapping[str, Any]) -> list[Any]:
    """Return the words of a whole response, each with its channel's number, in order of time."""
    channels = mappings(part(response, "results").get("channels"))
    found = []
    for number, channel in enumerate(channels):
        best = mappings(channel.get("alternatives"))[:1]
        for word in mappings(best[0].get("words")) if best else ():
            found.append(word if len(channels) == 1 else {**word, "speaker": number})
    found = found or mappings(part(response, "results").get("utterances"))
    return sorted(found, key=lambda word: times.seconds(word.get("start")) or 0.0)


def read(entries: Sequence[Any], turns: Transcript) -> None:
    """Add a turn for each run of words of one speaker."""
    spoken = [entry for entry in entries if isinstance(entry, dict)]
    agent = _speaker(spoken[0])
    for place, (speaker, run) in enumerate(groupby(spoken, _speaker)):
        pieces = list(run)
        turns.add(
            "agent" if speaker == agent else "user",
            " ".join(filter(None, (words(_said(piece)) for piece in pieces))),
            times.instant(get(pieces[0], "start"), in_seconds=True),
            where=f"turn {place}",
            speaker=f"speaker {speaker}",
        )


def _said(piece: Mapping[str, Any]) -> Any:
    return get(piece, "punctuated_word", "word", "transcript", "text", "content")


def _speaker(piece: Mapping[str, Any]) -> str:
    return str(get(piece, "speaker", "channel") or 0)
