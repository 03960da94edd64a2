"""Reading the entries of a transcript, whichever provider or LLM they come from.

Providers agree on what a turn is and differ in its fields' names, and most of them pass on the
messages of some LLM. So one reader knows all of them: Vapi, Retell, ElevenLabs, LiveKit, Pipecat
and Cekura; and in any of these, messages of OpenAI (Chat, Responses, Realtime), Anthropic and
Gemini. What is specific to a provider's call, its own module knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from failure_insights.errors import BadInput
from failure_insights.sources import deepgram, dialogue, times
from failure_insights.sources.fields import first, get, mapping, mappings, part, snaked
from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.roles import known_role, role_of
from failure_insights.sources.texts import parsed, spoken, words
from failure_insights.sources.tools import (
    Tool,
    calls_of_entry,
    result_of,
    results_of_entry,
    tools_of_message,
)
from failure_insights.sources.transcript import Transcript

#: Entries about the session or the model itself, which nobody on the call hears.
_SILENT = frozenset(
    {"agent_handoff", "agent_config_update", "reasoning", "thought_signature", "item_reference"}
)
#: What a Realtime event says of who speaks.
_EVENTS = {
    "conversation.item.input_audio_transcription.completed": "user",
    "response.audio_transcript.done": "assistant",
    "response.output_audio_transcript.done": "assistant",
    "response.output_text.done": "assistant",
}
#: Where an object has its entries.
_LISTS = ("items", "messages", "turns", "entries", "utterances", "transcript")
#: Where an entry has an inner one: an event around an item, a message of one LLM, a stored row.
_INNER = ("item", "message")
#: Entries of LangChain's have theirs in `data`.
_LANGCHAIN = ("human", "ai", "tool", "system", "function")
_ROLES = ("role", "from", "sender")
_TEXTS = ("content", "message", "text", "transcript", "parts", "utterance")
_SPEAKERS = ("speaker_name", "speaker_label", "assistant_name", "participant_name", "speaker")
_TIMES_S = (
    *("seconds_from_start", "time_in_call_secs", "start_s", "start_secs", "start_seconds"),
    "time_sec",
)
_TIMES = (
    *("start_time", "start", "created_at", "created_timestamp", "timestamp", "time", "begin"),
    *("started_at", "created_at_unix_ms"),
)
_TIMES_MS = ("start_ms", "start_time_ms", "time_ms", "offset_ms", "timestamp_ms")
#: The first words of an utterance may lack a time; the fault is not worth a longer look.
_WORDS_LOOKED_AT = 10


def first_turns(transcripts: Iterable[Any], losses: Losses) -> Transcript:
    """Return the turns of the first of these transcripts that has any; see `read_turns`.

    What cannot be read is passed over for the next, and counted if there is none.

    Raises:
        BadInput: there are transcripts, and none is a list or text.
    """
    refused: BadInput | None = None
    best = Transcript(Losses())
    for transcript in transcripts:
        if transcript in (None, "", [], {}):
            continue
        try:
            turns = read_turns(transcript, Losses())
        except BadInput as error:
            refused = refused or error
            continue
        if len(turns):
            best = turns
            break
        if not best.losses.counts:
            best = turns
    if refused and not len(best):
        raise refused
    if refused:
        losses.add(LeftOut.FIELDS, str(refused))
    losses.merge(best.losses)
    best.losses = losses
    return best


def read_turns(transcript: Any, losses: Losses) -> Transcript:
    """Return the turns of a transcript: a list of entries, JSON text of one, or "AI: ..." text.

    Raises:
        BadInput: it is neither a list nor text.
    """
    entries = listed(transcript)
    turns = Transcript(losses)
    if isinstance(entries, str):
        dialogue.read(entries, turns)
    elif entries and all(isinstance(entry, str) for entry in entries):
        dialogue.read("\n".join(entries), turns)
    elif entries and deepgram.is_of_words(entries):
        deepgram.read(entries, turns)
    elif entries is not None:
        for place, entry in enumerate(entries):
            _read_entry(entry, f"turn {place}", turns)
    elif transcript not in (None, "", {}):
        raise BadInput(
            f"the transcript is {shown(transcript)}, not a list of turns", code="bad_transcript"
        )
    return turns


def listed(transcript: Any) -> Sequence[Any] | None:
    """Return a transcript's entries, or its text, or None where it is neither or is empty."""
    if isinstance(transcript, list):
        return transcript
    if isinstance(transcript, str):
        is_json = transcript.lstrip()[:1] in ("[", "{")
        if is_json and (value := parsed(transcript)) is not None:
            return listed(value)
        return transcript if transcript.strip() else None
    if isinstance(transcript, dict):
        if found := deepgram.words_of(transcript):
            return found
        lists = [transcript[key] for key in _LISTS if key in transcript]
        held = next(filter(None, map(listed, lists)), None)
        return [] if held is None and lists else held
    return None


def _read_entry(entry: Any, where: str, turns: Transcript) -> None:
    if not isinstance(entry, dict):
        turns.losses.add(LeftOut.UNUSABLE_TURNS, f"{where} is {shown(entry)}, not an object")
        return
    kind = entry.get("type")
    for key in (*_INNER, "data") if kind in _LANGCHAIN else _INNER:
        if isinstance(inner := entry.get(key), dict) and "role" not in entry:
            outer = {name: value for name, value in entry.items() if name != key}
            _read_entry({**outer, **inner}, where, turns)
            return
    if not (isinstance(kind, str) and kind in _SILENT):
        _Entry(entry, where, turns).read()


class _Entry:
    """One entry while it is read into a transcript."""

    def __init__(self, entry: Mapping[str, Any], where: str, turns: Transcript) -> None:
        self.entry = snaked(entry)
        self.where = where
        self.turns = turns
        self.at = _instant(self.entry, where, turns.losses)

    def read(self) -> None:
        """Add what the entry says, and the calls and results of tools in it."""
        if self._read_special():
            return
        word = self._word()
        match known_role(word):
            case "tool_call":
                self._add_tools(calls_of_entry(self.entry))
            case "tool_result":
                self._add_tools(results_of_entry(self.entry))
            case _:
                self._read_message(word)

    def _word(self) -> Any:
        """Return what says whose the entry is: its role, or a type or speaker that is a role."""
        entry = self.entry
        kind, speaker = entry.get("type"), entry.get("speaker")
        if isinstance(kind, str):
            if kind in _EVENTS:
                return _EVENTS[kind]
            # OpenAI's tools have a type too, "function"; the role beside it says more.
            if kind not in ("function", "tool") and _is_tool(kind):
                return kind
        return _any_of(entry, _ROLES) or next(filter(known_role, (kind, speaker)), speaker)

    def _read_special(self) -> bool:
        """Read what is no turn of a conversation's two sides, as Retell and Pipecat have it."""
        entry = self.entry
        match entry.get("role"):
            case "node_transition" | "state_transition" as role:
                kind = role.removesuffix("_transition")
                names = [words(entry.get(f"{which}_{kind}_name")) for which in ("former", "new")]
                self._add("system", " -> ".join(names), speaker=kind)
            case "dtmf":
                digits = words(_any_of(entry, ("digit", "digits", "content")))
                self._add("user", f"DTMF {digits}".strip())
            case "sms":
                self._add("user", first(entry.get("content"), _seen(entry)), speaker="sms")
            case "injected":
                self._add("system", entry.get("content"), speaker="injected")
            # The person a call is handed to: on the line, but neither agent nor caller.
            case "transfer_target":
                self._add("user", entry.get("content"), speaker="transfer")
            case _:
                return self._read_async_tool()
        return True

    def _read_async_tool(self) -> bool:
        """Read what Pipecat's tools that run on their own report later, as text of JSON."""
        text = self.entry.get("content")
        if not isinstance(text, str) or '"async_tool"' not in text[:40]:
            return False
        report = mapping(parsed(text))
        if report.get("type") != "async_tool":
            return False
        # The first report says that it runs; the result is in the last.
        self._add_tools([result_of(report, first(report.get("result"), report.get("status")))])
        return True

    def _read_message(self, word: Any) -> None:
        """Read a turn in which somebody speaks, with the tools that are called in it."""
        entry = self.entry
        said = _any_of(entry, _TEXTS)
        text = said if isinstance(said, str) else _spoken(said)
        tools = list(tools_of_message(entry, said))
        voices = [] if text else mappings(part(entry, "multivoice_message").get("parts"))
        for voice in voices:
            self._add("agent", voice.get("text"), speaker=get(voice, "voice_label"))
        if text:
            role, unknown = role_of(word, self.where, self.turns.losses)
            self._add(role, text, speaker=unknown or _speaker(entry))
        elif not tools and not voices:
            self.turns.losses.add(LeftOut.TURNS_WITHOUT_TEXT, f"{self.where} has no text")
        self._add_tools(tools)

    def _add_tools(self, tools: Iterable[Tool]) -> None:
        for tool in tools:
            self._add(
                tool.role, tool.content, tool_name=tool.name, tool_id=tool.id, failed=tool.failed
            )

    def _add(self, role: Any, content: Any, **more: Any) -> None:
        wall_time = self.entry.get("time")
        self.turns.add(role, content, self.at, where=self.where, wall_time=wall_time, **more)


def _any_of(entry: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first of these fields that says anything, or None."""
    for key in names:
        if key in entry and (value := entry[key]) not in ("", [], {}):
            return value
    return None


def _instant(entry: Mapping[str, Any], where: str, losses: Losses) -> times.Instant | None:
    spoken_words = entry.get("words")
    if isinstance(spoken_words, list):
        for word in mappings(spoken_words[:_WORDS_LOOKED_AT]):
            if moment := times.instant(word.get("start"), in_seconds=True):
                return moment
    unusable = None
    for keys in (_TIMES_S, _TIMES):
        for key in keys:
            if (value := entry.get(key)) is not None:
                if moment := times.instant(value, in_seconds=keys is _TIMES_S):
                    return moment
                unusable = unusable or f"{where}: {key} is {shown(value)}, no time"
    for key in _TIMES_MS:
        if moment := times.instant(entry.get(key)):
            return moment if moment.kind == "epoch" else times.Instant(moment[0] / 1e3, "call")
    if unusable:
        losses.add(LeftOut.FIELDS, unusable)
    return None


def _is_tool(word: str) -> bool:
    return known_role(word) in ("tool_call", "tool_result")


def _spoken(said: Any) -> str:
    """Return what a message says: its text or its parts, which may be tools as well."""
    if isinstance(said, dict) and isinstance(said.get("parts"), list):
        said = said["parts"]
    return spoken(said) if isinstance(said, list) else words(said)


def _speaker(entry: Mapping[str, Any]) -> Any:
    """Return the name of who speaks, where one is given beside the role."""
    speaker = _any_of(entry, _SPEAKERS)
    return entry.get("name") if speaker is None or known_role(speaker) else speaker


def _seen(entry: Mapping[str, Any]) -> str | None:
    """Return what the pictures of a message show, where nothing is written."""
    seen = [words(piece.get("summary")) for piece in mappings(entry.get("multimedia"))]
    return "\n".join(filter(None, seen)) or None
