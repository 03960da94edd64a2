"""Who speaks: providers' words for it, and ours."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from failure_insights.domain.calls import Role
from failure_insights.sources.reading import LeftOut, Losses, shown

_WORDS: Mapping[Role, tuple[str, ...]] = {
    "agent": (
        *("agent", "assistant", "bot", "ai", "main agent", "model", "ai agent", "ai assistant"),
        *("voice agent", "voice assistant", "voicebot", "chatbot", "virtual agent"),
    ),
    "user": (
        *("user", "caller", "customer", "human", "callee", "client", "guest", "patient"),
        # Cekura calls the caller's side the testing agent, in production calls too.
        "testing agent",
    ),
    "system": ("system", "developer"),
    "tool_call": (
        *("tool call", "tool calls", "tool call invocation", "tool use"),
        *("function call", "function calls"),
    ),
    "tool_result": (
        *("tool", "tool result", "tool call result", "tool response", "tool output"),
        *("function", "function result", "function call result", "function call output"),
        "function response",
    ),
}
_ROLES: Mapping[str, Role] = {word: role for role, words in _WORDS.items() for word in words}


def known_role(word: Any) -> Role | None:
    """Return our word for a provider's ("Main Agent", "tool_call_result"), or None."""
    if not isinstance(word, str):
        return None
    return _ROLES.get(word) or _ROLES.get(_plain(word))


@lru_cache(maxsize=1_000)
def _plain(word: str) -> str:
    """Return a word without its spelling: tool_call_result and toolCallResult are the same."""
    spaced = re.sub(r"[_\s-]+|(?<=[a-z])(?=[A-Z])", " ", word[:80])
    return spaced.strip().lower()


def role_of(word: Any, where: str, losses: Losses) -> tuple[Role, str | None]:
    """Return our role, and the speaker's name where the role is none that we know.

    Who is unknown speaks as `system`, under the name of their role, and is counted.
    """
    role = known_role(word)
    if role:
        return role, None
    losses.add(LeftOut.UNKNOWN_ROLES, f"{where}: role is {shown(word)}")
    return "system", word if isinstance(word, str) and word.strip() else None
