"""Asks the LLM which cause each call belongs to, by that call's own words alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from failure_insights.audit.agent.cases import Case, read
from failure_insights.audit.agent.schemas import AssignedItem, Assignment
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import FoundCause
from failure_insights.llm import ContextTooLong, UnusableAnswer

#: Calls in one request. Up to 100 cost most models 2 points of accuracy or less; 25 fit any.
BATCH = 25
#: Tokens of a transcript that a second reader sees: the lines that matter.
WINDOW_TOKENS = 2_000
OTHER, UNCLEAR = "OTHER", "UNCLEAR"

#: Who gave a label: the agent, which read the call's note; a reader of its note or explanation; a
#: second reader of its transcript; a classifier; or nobody, so that the most alike cause has it.
By = Literal["agent", "llm", "second_reader", "learned", "nearest"]


@dataclass(frozen=True)
class Label:
    """A call's cause as an index, or None for no cause; `also` is a second cause at work."""

    cause: int | None
    sure: bool
    by: By = "llm"
    unclear: bool = False
    also: int | None = None


async def assign(
    session: AuditSession,
    causes: Sequence[FoundCause],
    cases: Sequence[Case],
    *,
    by_transcript: bool = False,
) -> dict[str, Label]:
    """Return the label of each call by handle; calls that the LLM did not label are missing.

    A label holds for a set of criteria and one call's text, and is kept under those: which calls
    were asked about together changes nothing. A call whose text addresses its readers is asked
    about alone, so that it can talk nobody into anything about the others.

    Args:
        by_transcript: show the transcripts of calls that were read, one by one, and not what was
            noted on them.
    """
    order = sorted(range(len(causes)), key=lambda index: causes[index].key)
    names = [f"T{number}" for number in range(1, len(order) + 1)]
    cause_of = dict(zip(names, order, strict=True))
    # Criteria alone: titles are for people, and a better one must not cost every label.
    listed = "\n".join(f"{name}: {causes[index].criterion}" for name, index in cause_of.items())
    written = _with_transcript if by_transcript else _text
    texts = {case.handle: written(session, case) for case in cases}
    keys = {handle: session.label_key(listed, text) for handle, text in texts.items()}
    values = dict(await session.answers.recall(dict.fromkeys(keys.values())))
    for step in (1, -1):  # what is missing is asked once more, in another order
        # Calls of the same words are asked about once.
        missing = {keys[c.handle]: c for c in cases if keys[c.handle] not in values}
        batches = _batches(session, [*missing.values()][::step], 1 if by_transcript else BATCH)
        asked = (_ask(session, listed, cause_of, texts, batch) for batch in batches)
        for answers in await session.each(asked):
            found = {keys[handle]: value for handle, value in answers.items()}
            await session.answers.remember("assign", found)
            values |= found
    by: By = "second_reader" if by_transcript else "llm"
    return {
        handle: _label(values[key], cause_of, by) for handle, key in keys.items() if key in values
    }


def nearest(
    session: AuditSession, labels: Mapping[str, Label], cases: Sequence[Case]
) -> dict[str, Label]:
    """Return labels for calls that the LLM left out: that of the cause whose calls are most alike.

    A call that is like no cause's calls gets none.
    """
    import numpy as np

    members: dict[int, list[int]] = {}
    for handle, label in labels.items():
        if label.cause is not None:
            members.setdefault(label.cause, []).append(session.index[handle])
    if not members or not cases:
        return {case.handle: Label(None, False, "nearest") for case in cases}
    rows = session.vectors.rows
    centres = np.vstack([np.asarray(rows[found].mean(axis=0)) for found in members.values()])
    likeness = np.asarray(rows[[session.index[case.handle] for case in cases]] @ centres.T)
    causes = list(members)
    return {
        case.handle: Label(causes[int(row.argmax())] if row.max() > 0 else None, False, "nearest")
        for case, row in zip(cases, likeness, strict=True)
    }


def _batches(session: AuditSession, cases: Sequence[Case], size: int) -> list[list[Case]]:
    alone = [case for case in cases if session.is_flagged(case)]
    others = [case for case in cases if not session.is_flagged(case)]
    return [
        *([case] for case in alone),
        *(others[start : start + size] for start in range(0, len(others), size)),
    ]


def _text(session: AuditSession, case: Case) -> str:
    note = session.notes.get(case.handle)
    if note is None:
        return _said(session, case)
    second = f"; beside it: {note.second_cause}" if note.second_cause else ""
    return f"{_said(session, case)} | noted cause: {note.cause}{second}"


def _with_transcript(session: AuditSession, case: Case) -> str:
    turns = session.notes[case.handle].reading.turns
    return f"{_said(session, case)}\n{read(turns, case.explanation, WINDOW_TOKENS).text}"


def _said(session: AuditSession, case: Case) -> str:
    return session.vectors.said[session.index[case.handle]] or "(no explanation)"


async def _ask(
    session: AuditSession,
    listed: str,
    cause_of: Mapping[str, int],
    texts: Mapping[str, str],
    batch: Sequence[Case],
) -> dict[str, dict[str, str]]:
    """Return what the LLM said of each call of the batch; it may leave some out."""
    items = "\n".join(f"{case.handle}: {texts[case.handle]}" for case in batch)
    try:
        answer = await session.ask(
            "assign", Assignment, {"causes": listed, "items": items}, can_split=True
        )
    except (ContextTooLong, UnusableAnswer):
        if len(batch) == 1:
            return {}
        half = len(batch) // 2
        parts = (batch[:half], batch[half:])
        first, second = [await _ask(session, listed, cause_of, texts, part) for part in parts]
        return first | second
    handles = {case.handle for case in batch}
    labels: dict[str, dict[str, str]] = {}
    for item in answer.items if answer else ():
        handle = session.handles.resolve(item.handle)
        label = _known(item, cause_of)
        if handle in handles and handle not in labels and label:
            also = (item.also or "").strip().upper()
            labels[handle] = {"label": label, "confidence": item.confidence}
            if also in cause_of and also != label:
                labels[handle]["also"] = also
    return labels


def _known(item: AssignedItem, cause_of: Mapping[str, int]) -> str | None:
    label = item.label.strip().upper()
    return label if label in cause_of or label in (OTHER, UNCLEAR) else None


def _label(value: Mapping[str, str], cause_of: Mapping[str, int], by: By) -> Label:
    label = value["label"]
    return Label(
        cause_of.get(label),
        value["confidence"] == "high",
        by,
        unclear=label == UNCLEAR,
        also=cause_of.get(value.get("also", "")),
    )
