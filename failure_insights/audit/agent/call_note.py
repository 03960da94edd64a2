"""A reader's note on one call, with its quotes looked up in the transcript."""

from dataclasses import dataclass
from typing import Literal

from failure_insights.audit.agent.cases import Case, Reading
from failure_insights.audit.agent.schemas import Note
from failure_insights.domain.breakdown import MetricFindingKind
from failure_insights.text.quotes import Span

#: Words of a root cause.
CAUSE_WORDS = 40
#: Words of a second cause.
SECOND_WORDS = 20

#: What a reader may hold against a verdict: the metric was met, or the metric is in question.
Doubt = Literal["metric_met"] | MetricFindingKind


@dataclass(frozen=True)
class CallNote:
    """A note with its quotes looked up: `spans` stand in the transcript, the others are gone.

    `flagged`: the call holds text that addresses its readers, so its words stay with it.
    """

    case: Case
    reading: Reading
    note: Note
    spans: tuple[Span, ...]
    flagged: bool

    @property
    def cause(self) -> str:
        """The noted cause; of a flagged call only the category, which its words cannot shape."""
        if self.flagged:
            return f"(words withheld) {self.note.origin}"
        return shortened(self.note.root_cause, CAUSE_WORDS)

    @property
    def second_cause(self) -> str:
        """The independent second cause; "" where none was noted, or its words are withheld."""
        return "" if self.flagged else shortened(self.note.second_cause, SECOND_WORDS)

    @property
    def doubt(self) -> Doubt | None:
        """What the reader holds against the verdict, with a quote to show for it; None: nothing."""
        if self.flagged or not self.spans:
            return None
        if self.note.verdict_check == "metric_met":
            return "metric_met"
        if self.note.verdict_check == "reason_not_in_call":
            return "reason_not_in_call"
        return "nothing_called_for_it" if self.note.called_for == "no" else None


def shortened(text: str, words: int) -> str:
    """Return the text in so many words, cut at the end of a clause where one is near."""
    parts = text.split()
    if len(parts) <= words:
        return " ".join(parts)
    kept = " ".join(parts[:words])
    end = max(kept.rfind(mark) for mark in (". ", "; ", ", "))
    return kept[:end] if end > len(kept) // 2 else f"{kept} ..."
