"""A chat completion as endpoints really send it: every field may be missing or of a wrong type."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from failure_insights.llm.answer_parsing import mend, without_thinking
from failure_insights.llm.errors import UnusableAnswer

#: Fields of a message that are the endpoint's own affair, and that it may want to see again.
_HANDED_BACK = ("reasoning_content", "reasoning_details")


@dataclass(frozen=True)
class ToolUse:
    """One use of a tool; `arguments` is the JSON text as it came."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class AgentTurn:
    """What the model said and which tools it wants to use.

    `message` is to be appended to the conversation, each use then answered by its ID.
    """

    text: str
    uses: tuple[ToolUse, ...]
    message: dict[str, Any]


@dataclass(frozen=True)
class Completion:
    """The first choice of an answer."""

    turn: AgentTurn
    was_cut: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int
    model: str

    @property
    def is_empty(self) -> bool:
        return not self.turn.text and not self.turn.uses

    @property
    def answer(self) -> str:
        """The text that holds the answer: the use of a forced tool, or else what was said."""
        used = self.turn.uses[0].arguments if self.turn.uses else ""
        return used or self.turn.text


def read_completion(payload: Mapping[str, Any]) -> Completion | None:
    """Return the completion of a body, or None if it is none.

    Raises:
        UnusableAnswer: the model, or a filter around it, refused to answer.
    """
    choice = next(map(_mapping, _list(payload.get("choices"))), {})
    message = choice.get("message")
    finish = choice.get("finish_reason")
    if not isinstance(message, dict) or finish == "error":
        return None
    if finish == "content_filter" or message.get("refusal"):
        raise UnusableAnswer("The model, or a filter around it, refused to answer.")
    usage = _mapping(payload.get("usage"))
    details = _mapping(usage.get("prompt_tokens_details"))
    cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
    return Completion(
        turn=_turn(mend(message)),
        was_cut=finish == "length",
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(cached) or 0,
        model=str(mend(payload.get("model") or ""))[:200],
    )


def _turn(message: Mapping[str, Any]) -> AgentTurn:
    text = without_thinking(_text(message.get("content"))).strip()
    calls = [_mapping(call) for call in _list(message.get("tool_calls"))]
    if not calls:
        return AgentTurn(text, (), {"role": "assistant", "content": text})
    uses: list[ToolUse] = []
    for number, call in enumerate(calls):
        id_, function = str(call.get("id") or ""), _mapping(call.get("function"))
        if not id_ or id_ in {use.id for use in uses}:
            id_ = f"use_{number}"
        arguments = function.get("arguments") or ""
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        uses.append(ToolUse(id_, str(function.get("name") or ""), written))
    shown = [_shown(call, use) for call, use in zip(calls, uses, strict=True)]
    kept = {key: message[key] for key in _HANDED_BACK if message.get(key)}
    sent = {"role": "assistant", "content": text or None, "tool_calls": shown, **kept}
    return AgentTurn(text, tuple(uses), sent)


def _shown(call: Mapping[str, Any], use: ToolUse) -> dict[str, Any]:
    """Return a use as the endpoint may be shown it again: some refuse arguments that are no JSON,
    and some miss what they had put beside the function."""
    arguments = use.arguments if _is_object(use.arguments) else "{}"
    function = {**_mapping(call.get("function")), "name": use.name, "arguments": arguments}
    return {**call, "id": use.id, "type": "function", "function": function}


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [_mapping(part) for part in content]
        return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _is_object(written: str) -> bool:
    try:
        return isinstance(json.loads(written), dict)
    except (ValueError, RecursionError):
        return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
