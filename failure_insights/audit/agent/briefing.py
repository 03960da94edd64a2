"""Writes what the agent sees first: earlier themes, notes ordered by likeness, and the rest."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from failure_insights.audit.agent.call_note import CallNote, Doubt
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import Taxonomy
from failure_insights.audit.explanations.order import leaf_order
from failure_insights.domain.identity import PriorCause, PriorTheme
from failure_insights.domain.metrics import MetricCard, ScoreType
from failure_insights.text.harmless import clean, cut
from failure_insights.text.injection import reads_like_instructions

#: Tokens of a judge's prompt that are shown.
RUBRIC_TOKENS = 600
#: Tokens of what people wrote about a project, and about a metric.
ABOUT_TOKENS = 600
#: What a note says against the verdict, in the agent's view of it.
DOUBTS: Mapping[Doubt, str] = {
    "metric_met": "looks like a pass",
    "reason_not_in_call": "judge's reason not found in the call",
    "nothing_called_for_it": "nothing in the call asked for it",
}
SCORES: Mapping[ScoreType, str] = {
    "binary": "passed or failed",
    "rating": "a rating on a scale",
    "number": "a number, such as a count or a share",
    "enum": "one of several words",
}
#: Earlier themes that are shown: those with most calls in the last days.
PRIORS = 20
#: Themes that people dismissed, as the agent is told of them, and the tokens of each reason.
DISMISSED, DISMISSAL_TOKENS = 12, 60
#: Days of an earlier theme's counts that are shown.
DAYS = 7
#: Tokens of an unread explanation.
DIGEST_TOKENS = 60
#: Unread explanations that are listed one by one; more are grouped.
DIGEST_CALLS = 300
#: Groups of unread explanations.
GROUPS = 60
#: Calls that are shown of each group.
EXEMPLARS = 3


def metric_text(card: MetricCard) -> str:
    """Return a metric's card as every prompt shows it; its name comes first."""
    parts = {
        "Description": card.description,
        "What the judge was asked": card.prompt,
        "Score": SCORES[card.score_type],
        "A call passes where the score is": card.pass_rule or "",
    }
    lines = [
        f"{heading}: {cut(clean(text), RUBRIC_TOKENS)}" for heading, text in parts.items() if text
    ]
    return "\n".join([cut(clean(card.name), RUBRIC_TOKENS), *lines])


def about_text(project: str, metric: str) -> str:
    """Return what people wrote about the project and the metric, as readers see it."""
    parts = {"The project": project, "The metric": metric}
    return "\n".join(
        f"{what}: {cut(clean(text), ABOUT_TOKENS)}" for what, text in parts.items() if text
    )


def brief(session: AuditSession, notes: Sequence[CallNote]) -> dict[str, str]:
    """Return the slots of the agent's prompt."""
    earlier, today = _priors(session)
    return {
        "about": session.about or "(not given)",
        "prior_themes": "\n".join(earlier) or "(none)",
        "todays_themes": "".join(f"\n{line}" for line in today),
        "dismissed": _dismissed(session),
        "pool": pool_line(session),
        "notes": "\n".join(note_lines(notes)) or "(none)",
        "digest": "\n".join(_digest(session, session.cases)) or "(none: all calls were read)",
    }


def brief_rest(session: AuditSession, standing: Taxonomy, cases: Sequence[Case]) -> dict[str, str]:
    """Return the slots where the agent is asked about the calls that no cause holds."""
    notes = [session.notes[case.handle] for case in cases if case.handle in session.notes]
    reused = {theme.prior_id for theme in standing.themes}
    reused |= {cause.prior_id for cause in standing.causes}
    earlier, today = _priors(session, reused)
    stand = [
        f"found today: T{number} | {theme.title} | {theme.criterion}"
        for number, theme in enumerate(standing.themes, start=1)
    ]
    stand += [f"found today | {cause.title} | {cause.criterion}" for cause in standing.others]
    return {
        "about": session.about or "(not given)",
        "prior_themes": "\n".join([*stand, *earlier]),
        "todays_themes": "".join(f"\n{line}" for line in today),
        "dismissed": _dismissed(session),
        "pool": f"{pool_line(session)}; {len(cases)} of them fit nothing found today",
        "notes": "\n".join(note_lines(notes)) or "(none)",
        "digest": "\n".join(_digest(session, cases)) or "(none)",
    }


def _priors(session: AuditSession, reused: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return the lines of earlier themes and causes: of earlier days, and of today."""
    causes: dict[str, list[PriorCause]] = {}
    for cause in session.prior_causes:
        if cause.cause_id not in reused:
            causes.setdefault(cause.theme_id, []).append(cause)
    earlier: list[str] = []
    for prior in recent(_of_earlier_days(session)):
        if prior.theme_id not in reused:
            earlier.append(_prior(prior))
        earlier += map(_prior_cause, causes.pop(prior.theme_id, []))
    today: list[str] = []
    for prior in _of_today(session):
        if prior.theme_id not in reused:
            today.append(_prior(prior))
        today += map(_prior_cause, causes.pop(prior.theme_id, []))
    rest = [cause for group in causes.values() for cause in group]
    day = session.pool.window.date
    earlier += [_prior_cause(cause) for cause in rest if cause.first_seen < day][:PRIORS]
    today += [_prior_cause(cause) for cause in rest if cause.first_seen >= day][:PRIORS]
    return earlier, today


def _dismissed(session: AuditSession) -> str:
    """Return why people dismissed earlier themes: what this team does not count as a failure.

    Their words are evidence as all others are; whether a call is of a dismissed theme, and what
    becomes of it, code decides.
    """
    reasons = {
        f"- {_words(prior.title)}: {_words(prior.dismissal)}"
        for prior in recent([prior for prior in session.priors if prior.dismissal])
    }
    if not reasons:
        return ""
    heading = "Themes that this team dismissed, and why, in its words (evidence):"
    return "\n\n" + "\n".join([heading, *sorted(reasons)[:DISMISSED]])


def _words(text: str) -> str:
    """Return people's words on one line, unless they speak to their reader."""
    return "(withheld)" if reads_like_instructions(text) else cut(clean(text), DISMISSAL_TOKENS)


def _prior_cause(cause: PriorCause) -> str:
    return f"  {cause.cause_id} | {cause.title} | {cause.criterion}"


def _of_earlier_days(session: AuditSession) -> list[PriorTheme]:
    return [prior for prior in session.priors if prior.first_seen < session.pool.window.date]


def _of_today(session: AuditSession) -> list[PriorTheme]:
    """Return the themes that an earlier audit of the same day was the first to find."""
    return [prior for prior in session.priors if prior.first_seen == session.pool.window.date]


def recent(priors: Sequence[PriorTheme]) -> list[PriorTheme]:
    """Return the earlier themes that are offered for reuse."""
    weight = {prior.theme_id: sum(_last_days(prior).values()) for prior in priors}
    return sorted(priors, key=lambda prior: (-weight[prior.theme_id], prior.theme_id))[:PRIORS]


def note_lines(notes: Sequence[CallNote]) -> list[str]:
    """Return a line per note, like causes beside each other."""
    order = leaf_order([note.note.root_cause for note in notes])
    return [_note(notes[i]) for i in order]


def _note(note: CallNote) -> str:
    if note.flagged:
        return f"{note.case.handle} [{note.note.origin}] (words withheld: they address the reader)"
    doubt = f"; {DOUBTS[note.doubt]}" if note.doubt else ""
    parts = [f"{note.case.handle} [{note.note.origin}{doubt}] cause: {clean(note.cause)}"]
    if note.second_cause:
        parts.append(f"beside it: {clean(note.second_cause)}")
    parts.append(f"symptom: {cut(clean(note.note.symptom), 40)}")
    if note.note.harm:
        parts.append(f"harm: {cut(clean(note.note.harm), 30)}")
    return " | ".join(parts)


def pool_line(session: AuditSession) -> str:
    """Return the pool's counts by agent, day and score."""
    parts = [f"{len(session.cases)} failing calls, {len(session.notes)} of them read"]
    parts += [f"by {name}: {counted(session, name)}" for name in ("agent", "day", "score")]
    return "; ".join(parts)


def counted(session: AuditSession, by: str) -> str:
    """Return how many calls there are of each agent, day or score, largest first."""
    calls = [case.call for case in session.cases]
    values = {
        "agent": [_name(call.agent) for call in calls],
        "day": [call.started_at.date().isoformat() for call in calls],
        "score": [cut(clean(str(call.score)), 10) for call in calls],
    }[by]
    counts = Counter(values)
    ranked = sorted(counts, key=lambda value: (-counts[value], value))[:12]
    return ", ".join(f"{value}: {counts[value]}" for value in ranked)


def _name(agent: str) -> str:
    """Return an agent's name, unless it speaks to its reader."""
    return "(withheld)" if reads_like_instructions(agent) else cut(clean(agent), 20)


def _prior(prior: PriorTheme) -> str:
    counts = ", ".join(f"{day:%m-%d}: {count}" for day, count in _last_days(prior).items())
    return f"{prior.theme_id} | {prior.title} | {counts or 'no counts'}"


def _last_days(prior: PriorTheme) -> dict[object, int]:
    return {day: prior.history[day] for day in sorted(prior.history)[-DAYS:]}


def _digest(session: AuditSession, cases: Sequence[Case]) -> list[str]:
    """Return the unread explanations, each once; of very many the groups and their examples."""
    unread = [
        session.index[case.handle]
        for case in cases
        if case.handle not in session.notes and not session.is_flagged(case)
    ]
    if len(unread) > DIGEST_CALLS:
        return _groups(session, unread)
    handles: dict[str, list[str]] = {}
    for index in unread:
        said = cut(session.vectors.said[index], DIGEST_TOKENS) or "(no explanation)"
        handles.setdefault(said, []).append(session.cases[index].handle)
    texts = list(handles)
    return [f"{_named(handles[texts[i]])}: {texts[i]}" for i in leaf_order(texts)]


def _named(handles: Sequence[str]) -> str:
    more = f" and {len(handles) - 5} more" if len(handles) > 5 else ""
    return ", ".join(handles[:5]) + more


def _groups(session: AuditSession, unread: Sequence[int]) -> list[str]:
    from failure_insights.audit.explanations import clustering

    labels, _ = clustering.group(session.vectors.rows[list(unread)], seed=0, most=GROUPS)
    lines = []
    for label in range(int(labels.max()) + 1):
        members = [unread[i] for i in range(len(unread)) if labels[i] == label]
        if not members:
            continue
        lines.append(f"A group of {len(members)} calls, for example:")
        for index in session.vectors.nearest_first(members)[:EXEMPLARS]:
            said = cut(session.vectors.said[index], DIGEST_TOKENS)
            lines.append(f"  {session.cases[index].handle}: {said}")
    return lines
