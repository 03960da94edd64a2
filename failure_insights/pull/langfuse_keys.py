"""The conversations of Langfuse: a session where a trace has one, else the trace."""

import hashlib
from dataclasses import dataclass, field

from failure_insights.pull.provider import Item, Payload
from failure_insights.sources.langfuse import OWN_ENVIRONMENT

_SESSION = "session:"


@dataclass(slots=True)
class Seen:
    """What was seen in a stretch of time, by conversation.

    Only the newest change counts as a fingerprint: as the stretch moves on, older rows leave it.
    """

    observed: dict[str, str] = field(default_factory=dict)
    scored: dict[str, str] = field(default_factory=dict)

    def observe(self, key: str, at: object) -> None:
        """Note that something of a conversation was traced or changed."""
        self.observed[key] = max(self.observed.get(key, ""), str(at))

    def score(self, key: str, at: object) -> None:
        """Note that a conversation was scored."""
        self.scored[key] = max(self.scored.get(key, ""), str(at))

    def items(self) -> list[Item]:
        """Return an item for each conversation."""
        keys = dict.fromkeys((*self.observed, *self.scored))
        return [Item(key, self._fingerprint(key)) for key in keys]

    def _fingerprint(self, key: str) -> str:
        tells = f"{self.observed.get(key)} {self.scored.get(key)}"
        return hashlib.blake2b(tells.encode(), digest_size=12).hexdigest()


def key_of(session: str | None, trace_id: str) -> str:
    """Return the key of a conversation."""
    return f"{_SESSION}{session}" if session else trace_id


def session_of(key: str) -> str | None:
    """Return the session that a key names, or None: it is a trace's ID."""
    return key.removeprefix(_SESSION) if key.startswith(_SESSION) else None


def is_of_a_judge(row: Payload) -> bool:
    """Return whether a row is of one of Langfuse's own LLM judges, which are traced too."""
    return str(row.get("environment")).startswith(OWN_ENVIRONMENT)
