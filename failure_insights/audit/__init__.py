"""Auditors: from a pool and its metric card to a breakdown."""

from functools import partial

from sqlalchemy import Engine

from failure_insights.domain.auditing import Auditor
from failure_insights.settings import Settings


def choose_auditor(settings: Settings, engine: Engine) -> Auditor:
    """Return the auditor that the settings name."""
    if not settings.uses_agent:
        from failure_insights.audit.wording import WordingAuditor

        return WordingAuditor()
    from failure_insights.audit.agent.answer_cache import StoredAnswers
    from failure_insights.audit.agent.auditor import AgentAuditor
    from failure_insights.audit.agent.options import options_of
    from failure_insights.llm import endpoint_for

    return AgentAuditor(
        endpoint=partial(endpoint_for, settings, engine),
        answers=StoredAnswers(engine),
        options=options_of(settings),
        may_group_by_wording=settings.llm_failure == "wording",
    )
