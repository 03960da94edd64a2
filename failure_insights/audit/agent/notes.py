"""Notes: one reader per call, many at once, each sees its own call and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from failure_insights.audit.agent.cases import Case, Reading, read
from failure_insights.audit.agent.schemas import Note
from failure_insights.audit.agent.session import Run
from failure_insights.llm import ContextTooLong
from failure_insights.text import quotes
from failure_insights.text.quotes import Span

#: Of a root cause, in words; and quotes of one call.
CAUSE_WORDS, QUOTES = 30, 3


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


async def take_notes(run: Run, cases: Sequence[Case]) -> list[CallNote]:
    """Have the calls read and return the notes; calls that could not be read are left out.

    The notes are kept in `run.notes`; a call is read once in an audit.
    """
    wanted = [case for case in cases if case.handle not in run.notes]
    transcripts = await run.transcripts([case.call_id for case in wanted])
    taken = await run.each(
        _take(run, case, read(turns, case.explanation, run.options.window_tokens))
        for case in wanted
        if (turns := transcripts.get(case.call_id)) is not None
    )
    for note in taken:
        run.notes[note.case.handle] = note
        run.output.learn(note.reading.turns)
    return [run.notes[case.handle] for case in cases if case.handle in run.notes]


async def _take(run: Run, case: Case, reading: Reading) -> CallNote | None:
    if reading.is_empty and not case.explanation:
        return None
    try:
        note = await _ask(run, case, reading)
    except ContextTooLong:
        half = read(reading.turns, case.explanation, run.options.window_tokens // 2)
        try:
            note = await _ask(run, case, half)
        except ContextTooLong:
            return None
    if note is None:
        return None
    spans = [quotes.find(item.quote, item.line, reading.turns) for item in note.evidence[:QUOTES]]
    return CallNote(
        case,
        reading,
        note,
        tuple(dict.fromkeys(span for span in spans if span)),
        case.flagged or reading.flagged or note.suspicious_instructions,
    )


async def _ask(run: Run, case: Case, reading: Reading) -> Note | None:
    slots = {
        "explanation": case.explanation or "(none)",
        "transcript": reading.text or "(empty)",
    }
    return await run.ask("note", Note, slots)
