"""Lets the agent take a few turns with tools until it has submitted themes."""

from collections.abc import Mapping, Sequence
from typing import Any

from failure_insights.audit.agent import briefing
from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.schemas import Draft
from failure_insights.audit.agent.session import NO_NEWS, AuditSession
from failure_insights.audit.agent.themes import Taxonomy
from failure_insights.audit.agent.tools import SUBMIT, TOOLS, Toolbox
from failure_insights.llm import ContextTooLong, Tool, ToolsUnsupported

#: Round trips that follow the agent's: to label every call, and to check the themes.
AFTERWARDS = 2

NO_TOOL = f"Nothing was submitted. Call `{SUBMIT}` with your themes."


async def find_themes(session: AuditSession, notes: Sequence[CallNote]) -> Taxonomy:
    """Return the themes and causes of the agent's last valid submission; empty if it made none.

    Tools are offered where calls are left that nobody read: else all notes are in the prompt.
    """
    slots = briefing.brief(session, notes)
    toolbox = Toolbox(session)
    try:
        if len(session.notes) >= len(session.cases):
            await _ask_once(session, toolbox, slots)
        else:
            await _take_turns(session, toolbox, slots)
    except (ToolsUnsupported, ContextTooLong):
        if not toolbox.found:
            await _ask_once(session, toolbox, slots)
    return toolbox.found


async def find_more(session: AuditSession, standing: Taxonomy, cases: Sequence[Case]) -> Taxonomy:
    """Return what calls share that fit no cause found so far; empty if they share nothing."""
    toolbox = Toolbox(session, standing=standing)
    draft = await _draft(session, briefing.brief_rest(session, standing, cases), way="What is left")
    session.depth += 1
    if draft is not None:
        await toolbox.submit(draft)
    return toolbox.found


async def _ask_once(session: AuditSession, toolbox: Toolbox, slots: Mapping[str, str]) -> None:
    """Have the themes submitted in one answer, without tools; once more if none is usable."""
    complaint = ""
    for _ in range(2):
        draft = await _draft(session, slots, complaint)
        session.depth += 1
        if draft is None:
            return
        complaint = await toolbox.submit(draft)
        if toolbox.found:
            return


async def _draft(
    session: AuditSession, slots: Mapping[str, str], complaint: str = "", way: str = "At once"
) -> Draft | None:
    """Return the agent's one answer; without the unread calls where they are too many to read."""
    if complaint:
        complaint = f"\n\nYour last submission could not be used. {complaint}"
    asked = {**slots, "notes": slots["notes"] + complaint}
    for shortened in (asked, {**asked, "digest": "(left out: too long)"}):
        try:
            return await session.ask("agent", Draft, shortened, way=way)
        except ContextTooLong:
            continue
    return None


async def _take_turns(session: AuditSession, toolbox: Toolbox, slots: Mapping[str, str]) -> None:
    """Let the agent work with its tools until it has submitted, or its round trips are spent.

    A turn without a tool ends its work where a submission stands: what did not change need not be
    written again.
    """
    messages = _opening(*session.fill("agent", slots, "Turns"))
    kept_by = _opening(*session.fill("agent", {**slots, **NO_NEWS}, "Turns"))
    tools = [Tool(name, says, arguments) for name, (says, arguments) in TOOLS.items()]
    while session.has_time_for(1 + AFTERWARDS):
        is_last = not session.has_time_for(2 + AFTERWARDS)
        must_use = SUBMIT if is_last and not toolbox.found else None
        turn = await session.take_turn(messages, tools, must_use, [*kept_by, *messages[2:]])
        session.depth += 1
        if turn is None:
            return
        messages.append(turn.message)
        if not turn.uses:
            if toolbox.found:
                return
            messages.append({"role": "user", "content": NO_TOOL})
            continue
        answers = await toolbox.use_all([(use.name, use.arguments) for use in turn.uses])
        session.depth += toolbox.used_llm
        if toolbox.is_settled:
            return
        messages += [
            {"role": "tool", "tool_call_id": use.id, "content": answer}
            for use, answer in zip(turn.uses, answers, strict=True)
        ]


def _opening(system: str, data: str) -> list[Mapping[str, Any]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": data}]
