"""Has calls read and noted: one reader per call, each sees its own call and nothing else."""

import asyncio
from collections.abc import Sequence

from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.cases import Case, Reading, read
from failure_insights.audit.agent.facts import fact_lines
from failure_insights.audit.agent.schemas import Note
from failure_insights.audit.agent.session import AuditSession
from failure_insights.domain.auditing import CallContext
from failure_insights.domain.calls import Turn
from failure_insights.llm import ContextTooLong
from failure_insights.text import quotes
from failure_insights.text.harmless import clean, cut, tokens
from failure_insights.text.masking import mask

#: Quotes of one call.
QUOTES = 3
#: Tokens of the agent's own prompt that are shown.
PROMPT_TOKENS = 900
#: Tokens of a call below which reading it is of no use.
LEAST_WINDOW = 300
#: Metadata that hold the agent's prompt, by the names that providers and importers use.
PROMPT_KEYS = ("agent_prompt", "system_prompt", "prompt", "instructions", "policy")


async def take_notes(session: AuditSession, cases: Sequence[Case]) -> list[CallNote]:
    """Have the calls read and return the notes; calls that could not be read are left out.

    The notes are kept in `session.notes`; a call is read once in an audit.
    """
    unread = [case for case in cases if case.handle not in session.notes]
    call_ids = [case.call_id for case in unread]
    transcripts = await session.transcripts(call_ids)
    contexts = await session.contexts(call_ids)
    taken = await session.each(
        _take(session, case, turns, contexts.get(case.call_id, CallContext()))
        for case in unread
        if (turns := transcripts.get(case.call_id)) is not None
    )
    for note in taken:
        session.notes[note.case.handle] = note
        session.output.learn(note.reading.turns)
    return [session.notes[case.handle] for case in cases if case.handle in session.notes]


async def _take(
    session: AuditSession, case: Case, turns: Sequence[Turn], context: CallContext
) -> CallNote | None:
    window = session.window
    while True:
        # In a thread: of a hundred calls, the first shall not wait until the last is prepared.
        reading = await asyncio.to_thread(read, turns, case.explanation, window)
        if reading.is_empty and not case.explanation:
            return None
        try:
            note = await session.ask("note", Note, note_slots(session, case, reading, context))
            break
        except ContextTooLong:
            # A model of a small context is shown less, and of the calls after this one as well.
            window = min(tokens(reading.text), window) // 2
            if window < LEAST_WINDOW:
                session.lost["note"] += 1
                return None
            session.window = min(session.window, window)
            window = session.window
    if note is None:
        return None
    spans = [quotes.find(item.quote, item.line, turns) for item in note.evidence[:QUOTES]]
    return CallNote(
        case,
        reading,
        note,
        tuple(dict.fromkeys(span for span in spans if span)),
        case.flagged or reading.flagged or note.suspicious_instructions,
    )


def note_slots(
    session: AuditSession, case: Case, reading: Reading, context: CallContext
) -> dict[str, str]:
    """Return what a reader of one call is shown."""
    score = "" if case.call.score is None else f"\nScore: {cut(clean(str(case.call.score)), 20)}"
    return {
        "about": _about(session, context),
        "explanation": (case.explanation or "(none)") + score,
        "facts": fact_lines(reading.facts, reading.turns, context),
        "transcript": reading.text or "(empty)",
    }


def _about(session: AuditSession, context: CallContext) -> str:
    """Return what people say of the project, and the agent's own prompt where it came along."""
    parts = [session.about] if session.about else []
    prompts = (context.metadata.get(key) for key in PROMPT_KEYS)
    if prompt := next((text for text in prompts if isinstance(text, str) and text.strip()), ""):
        parts.append(f"The agent's own prompt: {cut(mask(clean(prompt)), PROMPT_TOKENS)}")
    return "\n".join(parts) or "(not given)"
