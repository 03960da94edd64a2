"""Has calls read and noted: one reader per call, each sees its own call and nothing else."""

from collections.abc import Sequence

from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.cases import Case, Reading, read
from failure_insights.audit.agent.schemas import Note
from failure_insights.audit.agent.session import AuditSession
from failure_insights.llm import ContextTooLong
from failure_insights.text import quotes

#: Quotes of one call.
QUOTES = 3


async def take_notes(session: AuditSession, cases: Sequence[Case]) -> list[CallNote]:
    """Have the calls read and return the notes; calls that could not be read are left out.

    The notes are kept in `session.notes`; a call is read once in an audit.
    """
    wanted = [case for case in cases if case.handle not in session.notes]
    transcripts = await session.transcripts([case.call_id for case in wanted])
    taken = await session.each(
        _take(session, case, read(turns, case.explanation, session.options.window_tokens))
        for case in wanted
        if (turns := transcripts.get(case.call_id)) is not None
    )
    for note in taken:
        session.notes[note.case.handle] = note
        session.output.learn(note.reading.turns)
    return [session.notes[case.handle] for case in cases if case.handle in session.notes]


async def _take(session: AuditSession, case: Case, reading: Reading) -> CallNote | None:
    if reading.is_empty and not case.explanation:
        return None
    try:
        note = await _ask(session, case, reading)
    except ContextTooLong:
        half = read(reading.turns, case.explanation, session.options.window_tokens // 2)
        try:
            note = await _ask(session, case, half)
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


async def _ask(session: AuditSession, case: Case, reading: Reading) -> Note | None:
    slots = {
        "explanation": case.explanation or "(none)",
        "transcript": reading.text or "(empty)",
    }
    return await session.ask("note", Note, slots)
