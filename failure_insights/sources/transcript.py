"""Putting a transcript together: turns in order of time, results beside the tools they are of."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from failure_insights.domain.calls import Role
from failure_insights.sources import times
from failure_insights.sources.fields import name
from failure_insights.sources.reading import LeftOut, Losses, shown
from failure_insights.sources.texts import words

#: A turn in the native format, as JSON.
NativeTurn = dict[str, Any]

#: Stands before the result of a tool that failed, so that an empty one can be told from it.
FAILED = "[failed]"

#: Turns that all come later than this many seconds after their call's start are of another clock.
_CLOCKS_DIFFER_S = 3_600
#: No conversation has this many seconds between its turns on average: they are milliseconds.
_LONGEST_PAUSE_S = 400


@dataclass(slots=True)
class _Turn:
    """A turn, and what puts it in its place. `start_s` comes when all turns are there."""

    native: NativeTurn
    at: times.Instant | None
    tool_id: str | None
    wall_time: Any
    start_s: float | None = None


class Transcript:
    """Collects the turns of one call as they stand in its payload."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self._turns: list[_Turn] = []

    def __len__(self) -> int:
        return len(self._turns)

    def add(
        self,
        role: Role,
        content: Any,
        at: times.Instant | None = None,
        *,
        where: str,
        wall_time: Any = None,
        speaker: Any = None,
        tool_name: Any = None,
        tool_id: Any = None,
        failed: bool = False,
    ) -> None:
        """Add a turn; one in which nobody says anything is counted instead.

        Args:
            role: who speaks.
            content: what is said, as text, as parts or as any JSON.
            at: when; see `times.instant`.
            where: the turn's place in the payload, for people.
            wall_time: when by the clock, where `at` counts from the call's start and both stand.
            speaker: the speaker's name, where the payload has one.
            tool_name: which tool; a result without one gets its call's.
            tool_id: what joins a tool's call and its result.
            failed: whether the tool said that it failed.
        """
        is_tool = role in ("tool_call", "tool_result")
        text = words(content)
        if failed:
            text = f"{FAILED} {text}".rstrip()
        if not text and not is_tool:
            self.losses.add(LeftOut.TURNS_WITHOUT_TEXT, f"{where} has no text")
            return
        native: NativeTurn = {"role": role, "content": text}
        if (named := name(speaker)) is not None:
            native["speaker"] = named
        if is_tool and (named := name(tool_name)) is not None:
            native["tool_name"] = named
        self._turns.append(_Turn(native, at, name(tool_id) if is_tool else None, wall_time))

    @property
    def first_moment(self) -> float | None:
        """Return the earliest turn's time in seconds since 1970, where turns have such times."""
        return min(self._seconds("epoch"), default=None)

    @property
    def start_by_clock(self) -> float | None:
        """Return when the call began by a turn that says both its clock time and its seconds."""
        both = (
            (times.epoch(turn.wall_time), turn.at.seconds)
            for turn in self._turns
            if turn.at and turn.at.kind == "call"
        )
        return next((moment - in_call for moment, in_call in both if moment is not None), None)

    def last_s(self, start: float | None) -> float | None:
        """Return the latest turn's seconds from the start of the call, as far as is known."""
        base = self.first_moment if start is None else start
        plain = self._seconds("plain")
        unit = _unit(plain, None)
        return max(
            (
                *(moment - (base or 0.0) for moment in self._seconds("epoch")),
                *self._seconds("call"),
                *(moment / unit for moment in plain),
            ),
            default=None,
        )

    def turns(self, start: float | None, duration_s: float | None = None) -> list[NativeTurn]:
        """Return the native turns, in order of time; those without a time stay behind their last.

        Args:
            start: when the call began, in seconds since 1970; None: with its earliest turn.
            duration_s: how long it was, where that is known.
        """
        self._join_tools()
        self._count_from_start(start, duration_s)
        _place(self._turns)
        for turn in self._turns:
            if turn.start_s is not None:
                turn.native["start_s"] = round(turn.start_s, 3)
        return [turn.native for turn in self._turns]

    def _seconds(self, kind: str) -> list[float]:
        return [turn.at.seconds for turn in self._turns if turn.at and turn.at.kind == kind]

    def _join_tools(self) -> None:
        """Name each result's tool by its call, and count the calls that have no result."""
        by_id: dict[str, _Turn] = {}
        without_id: list[_Turn] = []
        for turn in self._turns:
            if turn.native["role"] == "tool_call":
                if turn.tool_id:
                    by_id[turn.tool_id] = turn
                else:
                    without_id.append(turn)
        answered: set[str] = set()
        for turn in self._turns:
            if turn.native["role"] != "tool_result":
                continue
            call = by_id.get(turn.tool_id or "")
            if call:
                answered.add(turn.tool_id or "")
            else:
                call = _take(without_id, turn.native.get("tool_name"))
            if call and "tool_name" not in turn.native and "tool_name" in call.native:
                turn.native["tool_name"] = call.native["tool_name"]
        unanswered = [turn for key, turn in by_id.items() if key not in answered] + without_id
        for turn in unanswered:
            example = shown(turn.native.get("tool_name") or "a tool without a name")
            self.losses.add(LeftOut.TOOL_CALLS_WITHOUT_RESULT, example)

    def _count_from_start(self, start: float | None, duration_s: float | None) -> None:
        """Make every time count seconds from the start of the call."""
        start = self._by_wall_time(start)
        base, unit = 0.0, _unit(self._seconds("plain"), duration_s)
        earliest = self.first_moment
        if earliest is not None:
            is_far = start is not None and earliest - start > max(duration_s or 0, _CLOCKS_DIFFER_S)
            base = earliest if start is None or is_far else min(start, earliest)
        for turn in self._turns:
            if turn.at is None:
                continue
            seconds, kind = turn.at
            if kind == "epoch":
                seconds -= base
            turn.start_s = seconds / unit if kind == "plain" else seconds

    def _by_wall_time(self, start: float | None) -> float | None:
        """Take the times by the clock where those of the call begin anew, and return its start.

        Vapi counts from the start of each assistant of a squad.
        """
        timed = [turn for turn in self._turns if turn.at and turn.at.kind == "call"]
        in_call = self._seconds("call")
        if not _steps_back(in_call):
            return start
        clock = [times.epoch(turn.wall_time) for turn in timed]
        moments = [moment for moment in clock if moment is not None]
        if len(moments) < len(timed) or _steps_back(moments) >= _steps_back(in_call):
            return start
        for turn, moment in zip(timed, moments, strict=True):
            turn.at = times.Instant(moment, "epoch")
        return moments[0] - in_call[0]


def _steps_back(moments: list[float]) -> int:
    return sum(later < earlier for earlier, later in pairwise(moments))


def _take(calls: list[_Turn], tool_name: str | None) -> _Turn | None:
    """Take out the first call that a result without an ID can be of."""
    for place, call in enumerate(calls):
        if tool_name is None or call.native.get("tool_name") in (None, tool_name):
            return calls.pop(place)
    return None


def _unit(plain: list[float], duration_s: float | None) -> float:
    """Return how many of these times' units make a second: 1, a thousand or a million."""
    last = max(plain, default=0.0)
    if duration_s and last > 10 * duration_s + 60:
        return next((unit for unit in (1e3, 1e6) if last / unit <= 2 * duration_s + 5), 1.0)
    if len(plain) > 1 and all(moment.is_integer() for moment in plain):
        pause = last / len(plain)
        return next((u for u in (1e6, 1e3) if pause > _LONGEST_PAUSE_S * u / 1e3), 1.0)
    return 1.0


def _place(turns: list[_Turn]) -> None:
    """Sort by time. Equal ones keep their order, and one without a time stays behind its last."""
    keys: list[float] = []
    last = -1.0
    for turn in turns:
        last = last if turn.start_s is None else turn.start_s
        keys.append(last)
    if _steps_back(keys):
        order = sorted(range(len(turns)), key=keys.__getitem__)
        turns[:] = [turns[place] for place in order]
