"""Start parts again that have stopped by themselves, after a pause that doubles while they do."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from failure_insights.errors import FailureInsightsError

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
#: A part that has run for this long is sound: its next pause is the first again.
SOUND_AFTER_S = 60.0


@dataclass(slots=True)
class Part:
    """What is to run: how to see that it has stopped, and how to start it again."""

    name: str
    #: Returns None while it runs, else what is known: "with status -9".
    stopped: Callable[[], str | None]
    #: Raises FailureInsightsError or OSError if it cannot be started.
    start: Callable[[], None]


@dataclass(slots=True)
class _Pause:
    seconds: float
    started_at: float
    #: When the part is started again; None while it runs.
    due_at: float | None = None


@dataclass(slots=True)
class Keeper:
    """Keeps parts running; `tend` does what is due and returns at once.

    Parts are tended in their order, so that what others need is started before them.
    """

    parts: Sequence[Part]
    say: Callable[[str], None]
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    sound_after_s: float = SOUND_AFTER_S
    _pauses: dict[str, _Pause] = field(default_factory=dict)

    def tend(self) -> None:
        """Announce each part that has stopped, and start those again whose pause is over."""
        now = time.monotonic()
        for part in self.parts:
            pause = self._pauses.setdefault(part.name, _Pause(self.first_pause_s, now))
            reason = part.stopped()
            if reason is None:
                if now - pause.started_at >= self.sound_after_s:
                    pause.seconds = self.first_pause_s
                pause.due_at = None
            elif pause.due_at is None:
                pause.due_at = now + pause.seconds
                self.say(
                    f"{part.name} stopped {reason}. It is started again in {pause.seconds:g} s."
                )
                pause.seconds = min(2 * pause.seconds, self.longest_pause_s)
            elif now >= pause.due_at:
                pause.due_at, pause.started_at = None, now
                self._start(part)

    def _start(self, part: Part) -> None:
        try:
            part.start()
        except (FailureInsightsError, OSError) as error:
            self.say(f"{part.name} cannot be started: {error}")
        else:
            self.say(f"{part.name} is started again.")
