"""Read a chat completion as endpoints really send it: any field may be missing or malformed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from failure_insights.llm.answer_parsing import storable, without_thinking
from failure_insights.llm.errors import UnusableAnswer

#: Fields of a message that only the endpoint understands, and that it may want to see again.
_SENT_BACK = ("reasoning_content", "reasoning_details")
#: Tokens of one request; a larger count is a mistake of the endpoint.
MOST_TOKENS = 1_000_000_000
#: Characters of the model's name, as the endpoint gives it.
MODEL_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class ToolUse:
    """One use of a tool; `arguments` is the JSON text as it came."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class AgentTurn:
    """What the model said and which tools it wants to use.

    `message` goes to the end of the conversation, followed by an answer to each use's ID.
    """

    text: str
    uses: tuple[ToolUse, ...]
    message: dict[str, Any]


@dataclass(frozen=True)
class Completion:
    """The first choice of an answer; a number of tokens is None where the endpoint gives none.

    `was_cut`: the output limit was reached. `cached_tokens` are part of the input tokens.
    """

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
        """The text that holds the answer: a tool's arguments, or else what was said."""
        arguments = self.turn.uses[0].arguments if self.turn.uses else ""
        return arguments or self.turn.text


def read_completion(payload: Mapping[str, Any]) -> Completion | None:
    """Return the completion that an answer holds, or None if it holds none.

    Raises:
        UnusableAnswer: the model, or a filter around it, refused to answer.
    """
    choice = next(map(_mapping, _list(payload.get("choices"))), {})
    message = choice.get("message")
    finish = choice.get("finish_reason")
    if not isinstance(message, dict) or finish == "error":
        return None
    if finish == "content_filter" or message.get("refusal"):
        raise UnusableAnswer(
            "The model, or a filter around it, refused to answer.", code="llm_filtered"
        )
    usage = _mapping(payload.get("usage"))
    details = _mapping(usage.get("prompt_tokens_details"))
    cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
    return Completion(
        turn=_turn(storable(message)),
        was_cut=finish == "length",
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(cached) or 0,
        model=str(storable(payload.get("model") or ""))[:MODEL_NAME_CHARACTERS],
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
        as_text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        uses.append(ToolUse(id_, str(function.get("name") or ""), as_text))
    sent_back = {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [_sent_back(call, use) for call, use in zip(calls, uses, strict=True)],
        **{key: message[key] for key in _SENT_BACK if message.get(key)},
    }
    return AgentTurn(text, tuple(uses), sent_back)


def _sent_back(call: Mapping[str, Any], use: ToolUse) -> dict[str, Any]:
    """Return a use as it is shown to the endpoint again.

    Some refuse arguments that are no JSON, and some need what they had put beside the function.
    """
    arguments = use.arguments if _is_object(use.arguments) else "{}"
    function = {**_mapping(call.get("function")), "name": use.name, "arguments": arguments}
    return {**call, "id": use.id, "type": "function", "function": function}


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [_mapping(part) for part in content]
        return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= MOST_TOKENS else None
