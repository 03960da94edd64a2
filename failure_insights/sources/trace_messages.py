"""Messages in the inputs and outputs of traced steps, in the shapes of LLMs and frameworks."""

from collections.abc import Mapping
from typing import Any

from failure_insights.sources.fields import mappings
from failure_insights.sources.texts import parsed

#: Where an object has a list of messages.
_LISTS = ("messages", "input", "contents", "chat_history", "history", "items", "output")
#: Where an object has one text.
_TEXTS = ("content", "text", "output", "response", "answer", "completion", "input", "question")


def messages_of(value: Any, speaker: str | None) -> list[Mapping[str, Any]]:
    """Return the messages in an input or output, as objects with a role."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = parsed(value) or value
    if isinstance(value, str):
        return [{"role": speaker, "content": value}] if speaker and value.strip() else []
    if isinstance(value, list):
        if value and all(isinstance(item, list) for item in value):
            value = value[0]  # a batch of one conversation
        messages = [message for item in mappings(value) for message in _of_object(item, speaker)]
        return messages or ([{"role": speaker, "content": value}] if speaker and value else [])
    return _of_object(value, speaker) if isinstance(value, Mapping) else []


def _of_object(value: Mapping[str, Any], speaker: str | None) -> list[Mapping[str, Any]]:
    if isinstance(value.get("kwargs"), Mapping) and isinstance(value.get("id"), list):
        # LangChain's own form of a message.
        role = str(value["id"][-1]).removesuffix("Chunk").removesuffix("Message").lower()
        return [{"role": value["kwargs"].get("type", role), **value["kwargs"]}]
    if "role" in value or value.get("type") in ("human", "ai", "tool", "system"):
        return [{"role": value.get("type"), **value}]
    if value.get("type") in ("message", "function_call", "function_call_output"):
        return [value]
    if isinstance(value.get("message"), Mapping):
        return _of_object(value["message"], speaker)
    if choices := mappings(value.get("choices")):
        return _of_object(choices[0], speaker)
    for name in _LISTS:
        if isinstance(value.get(name), list) and (found := messages_of(value[name], speaker)):
            return found
    if speaker is None:
        return []
    text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), None)
    return [{"role": speaker, "content": text}] if text else []
