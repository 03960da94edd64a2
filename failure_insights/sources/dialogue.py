"""Transcripts that are text: "AI: Hello" and "[0:06] Main Agent: Hello", a turn a line."""

import re
from dataclasses import dataclass

from failure_insights.domain.calls import Role
from failure_insights.sources import times
from failure_insights.sources.reading import LeftOut
from failure_insights.sources.roles import known_role
from failure_insights.sources.transcript import Transcript

_CLOCK = r"\d{1,2}(?::\d{2}){1,2}(?:[.,]\d+)?"
#: How a line begins: [0:06] Main Agent: or **User** (0:06): or 0:06 - Bot: or Ida (agent):
_LABEL = re.compile(
    rf"[\s>*•-]*(?:[\[(]?(?P<before>{_CLOCK})[\])]?[\s-]*)?"
    rf"\**(?P<label>[^\W\d_][\w .'-]{{0,40}}?)\**\s*"
    rf"(?:[\[(](?:(?P<after>{_CLOCK})|(?P<beside>[^\[\]():]{{1,40}}))[\])]\s*)?\**:\**\s*"
)
#: No label is longer than this many characters.
_LABEL_LENGTH = 120


def read(text: str, turns: Transcript) -> None:
    """Add the turns of a text. A line that does not begin with a role goes on with the turn.

    What stands before the first role is a turn of nobody that we know, so that no word is lost.
    """
    turn: _Turn | None = None
    for line in text.splitlines():
        match = _LABEL.match(line[:_LABEL_LENGTH])
        names = (match["label"], match["beside"]) if match else ()
        role = next((role for name in names if (role := known_role(name))), None)
        if match and role:
            _add(turn, turns)
            at = times.instant(match["before"] or match["after"])
            speaker = next((name for name in names if name and not known_role(name)), None)
            turn = _Turn(role, [line[match.end() :]], at, speaker)
        elif turn:
            turn.lines.append(line)
        elif line.strip():
            turn = _Turn(None, [line], None)
    _add(turn, turns)


@dataclass(slots=True)
class _Turn:
    role: Role | None
    lines: list[str]
    at: times.Instant | None
    speaker: str | None = None


def _add(turn: _Turn | None, turns: Transcript) -> None:
    if turn is None:
        return
    said = "\n".join(turn.lines).strip()
    if turn.role is None:
        turns.losses.add(LeftOut.UNKNOWN_ROLES, "text that does not say who speaks")
    where = f"turn {len(turns)}"
    turns.add(turn.role or "system", said, turn.at, where=where, speaker=turn.speaker)
