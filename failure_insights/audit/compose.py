"""Put an auditor together from the settings: the one place that knows both LLM client and store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Engine

from failure_insights.domain.auditing import Auditor
from failure_insights.settings import Settings


@asynccontextmanager
async def open_auditor(settings: Settings, engine: Engine) -> AsyncIterator[Auditor]:
    """Open the auditor that the settings name, with its LLM client, in the running event loop.

    The client and its limit of concurrent requests last as long as the block.
    """
    # Imported here: a run that groups by wording needs no HTTP client, and one that asks an LLM
    # no wording auditor before its LLM has failed.
    if not settings.uses_agent:
        from failure_insights.audit.wording import WordingAuditor

        yield WordingAuditor()
        return
    from failure_insights.audit.agent.answer_cache import StoredAnswers
    from failure_insights.audit.agent.auditor import AgentAuditor
    from failure_insights.audit.agent.options import options_of
    from failure_insights.audit.llm_endpoint import endpoint_of

    async with endpoint_of(settings, engine) as endpoint:
        yield AgentAuditor(
            endpoint=endpoint,
            answers=StoredAnswers(engine),
            options=options_of(settings),
            may_group_by_wording=settings.llm_failure == "wording",
        )
