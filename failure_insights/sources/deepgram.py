"""Deepgram: the words of a transcription, put together to turns.

Shapes: developers.deepgram.com, "Diarization" (words with `speaker`) and "Multichannel" (a list
of words a channel); the plain list of words is what Cekura documents. Deepgram tells speakers
apart and not who they are: whoever speaks first is taken for the agent, which greets.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from failure_insights.domain.calls import Role
from failure_insights.errors import BadInput
from failure_insights.sources import fields
from failure_insights.sources.fields import NativeTurn


def read_turns(transcript: Any) -> list[NativeTurn]:
    """Return a turn for each stretch of words of one speaker.

    Raises:
        BadInput: it holds no list of words.
    """
    words = sorted(_words(transcript), key=lambda word: word[1])
    turns = []
    for speaker, stretch in groupby(words, key=lambda word: word[0]):
        said = list(stretch)
        role: Role = "agent" if speaker == words[0][0] else "user"
        text = " ".join(word for _, _, word in said)
        turns.append(fields.turn(role, text, said[0][1], speaker=f"speaker {speaker}"))
    return turns


def _words(transcript: Any) -> Iterator[tuple[str, float, str]]:
    """Yield each word's speaker, start in seconds, and text."""
    channels = fields.part(transcript, "results").get("channels")
    if not isinstance(channels, list):
        yield from _of_channel(transcript, None)
        return
    for number, channel in enumerate(channels):
        alternatives = fields.part(channel).get("alternatives")
        if isinstance(alternatives, list) and alternatives:
            # Of one channel, diarization tells the speakers; of several, the channels do.
            speaker = str(number) if len(channels) > 1 else None
            yield from _of_channel(fields.part(alternatives[0]).get("words"), speaker)


def _of_channel(words: Any, speaker: str | None) -> Iterator[tuple[str, float, str]]:
    start = 0.0
    for place, word in fields.items(words):
        text = fields.name(fields.first(word.get("punctuated_word"), word.get("word")))
        if text is None:
            raise BadInput(f"entry {place} of the transcript is no word of Deepgram")
        start = fields.seconds(word.get("start")) or start
        yield speaker or str(_speaker(word)), start, text


def _speaker(word: Mapping[str, Any]) -> Any:
    return word.get("speaker", 0)
