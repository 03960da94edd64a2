"""A reader's note on one call, with its quotes looked up in the transcript."""

from dataclasses import dataclass

from failure_insights.audit.agent.cases import Case, Reading
from failure_insights.audit.agent.schemas import Note
from failure_insights.text.quotes import Span

#: Words of a root cause.
CAUSE_WORDS = 30


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
        return " ".join(self.note.root_cause.split()[:CAUSE_WORDS])

    @property
    def looks_like_a_pass(self) -> bool:
        return self.note.verdict_check == "not_supported" and bool(self.spans)
