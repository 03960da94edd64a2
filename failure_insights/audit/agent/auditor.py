"""Runs one audit by the agent, and says what it found and what it could not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from failure_insights.audit.agent.answer_cache import Answers
from failure_insights.audit.agent.briefing import about_text, metric_text
from failure_insights.audit.agent.cases import prepare
from failure_insights.audit.agent.options import Options
from failure_insights.audit.agent.pipeline import NothingFound, find
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.summary import cost_of_audit, provenance_of, tell, usage_of
from failure_insights.audit.agent.vectors import vectorize
from failure_insights.audit.wording.auditor import LIMITS, WordingAuditor
from failure_insights.domain.auditing import CallReader, Earlier
from failure_insights.domain.breakdown import AuditorName, Breakdown
from failure_insights.domain.identity import PriorTheme
from failure_insights.domain.pools import Pool
from failure_insights.errors import FailureInsightsError
from failure_insights.llm import Budget, Endpoint, EndpointRefused

#: Passing calls whose explanations give contrast.
PASSING_CALLS = 300


class AuditFailed(FailureInsightsError):
    """The LLM could not audit the pool, and the settings ask for no audit without it."""


@dataclass
class AgentAuditor:
    """Finds root causes with an LLM; without its answers it groups by wording, or fails."""

    endpoint: Endpoint
    answers: Answers
    options: Options
    may_group_by_wording: bool = True
    name: AuditorName = "agent"
    #: Why a monthly cap keeps the LLM from its audits; "": none does.
    pause: str = ""
    _refusal: EndpointRefused | None = None

    async def audit(
        self,
        pool: Pool,
        calls: CallReader,
        prior_themes: Sequence[PriorTheme],
        max_calls: int | None,
    ) -> Breakdown:
        """Return the breakdown of the pool; see `Auditor.audit`.

        Raises:
            AuditFailed: the LLM found nothing, and grouping by wording is not wanted.
        """
        session: AuditSession | None = None
        if self.pause:
            return await self._without_llm(pool, calls, prior_themes, max_calls)
        try:
            if self._refusal:
                raise self._refusal
            earlier = await asyncio.to_thread(calls.earlier)
            session = await self._prepare(pool, calls, prior_themes, earlier)
            return tell(session, await find(session, earlier, max_calls))
        except EndpointRefused as refusal:
            # What refuses one audit refuses all: the others need not ask.
            self._refusal = refusal
            reason = str(refusal)
        except NothingFound as error:
            reason = _why_nothing(session, error)
        if not self.may_group_by_wording:
            raise AuditFailed(reason)
        return await self._by_wording(pool, calls, prior_themes, max_calls, reason, session)

    def paused(self, reason: str) -> "AgentAuditor":
        """Return the auditor as it works where a monthly cap keeps the LLM from it."""
        return replace(self, pause=reason)

    async def _without_llm(
        self,
        pool: Pool,
        calls: CallReader,
        prior_themes: Sequence[PriorTheme],
        max_calls: int | None,
    ) -> Breakdown:
        """Return the breakdown by wording of an audit that may ask no LLM."""
        if not self.may_group_by_wording:
            raise AuditFailed(f"Paused. {self.pause}", code="monthly_cap_reached")
        found = await WordingAuditor().audit(pool, calls, prior_themes, max_calls)
        message = f"{self.pause} {LIMITS}"
        return replace(found, degraded=True, paused=True, cost=0.0, message=message)

    async def _prepare(
        self,
        pool: Pool,
        calls: CallReader,
        prior_themes: Sequence[PriorTheme],
        earlier: Earlier,
    ) -> AuditSession:
        cases = await asyncio.to_thread(prepare, pool)
        passing = await asyncio.to_thread(calls.passing, PASSING_CALLS)
        return AuditSession(
            pool=pool,
            cases=cases,
            calls=calls,
            passing=passing,
            priors=before(prior_themes, pool),
            vectors=await asyncio.to_thread(vectorize, cases, passing, pool.metric),
            prior_causes=[c for c in earlier.causes if c.first_seen <= pool.window.date],
            metric=metric_text(pool.metric),
            about=about_text(await asyncio.to_thread(calls.about_project), pool.metric.about),
            endpoint=self.endpoint,
            answers=self.answers,
            options=self.options,
            spending=Budget(self.options.max_tokens, self.options.seconds),
        )

    async def _by_wording(
        self,
        pool: Pool,
        calls: CallReader,
        prior_themes: Sequence[PriorTheme],
        max_calls: int | None,
        reason: str,
        session: AuditSession | None,
    ) -> Breakdown:
        # Without the advice to set a key: one is set.
        found = await WordingAuditor().audit(pool, calls, prior_themes, max_calls)
        provenance = {**found.provenance, **({"agent": provenance_of(session)} if session else {})}
        return replace(
            found,
            degraded=True,
            model=self.options.model,
            usage=usage_of(session) if session else found.usage,
            cost=cost_of_audit(session) if session else 0.0,
            message=f"The LLM could not audit these calls: {reason} {LIMITS}",
            provenance=provenance,
        )


def before(prior_themes: Sequence[PriorTheme], pool: Pool) -> list[PriorTheme]:
    """Return the themes up to the pool's day, with their counts of days before it."""
    day = pool.window.date
    return [
        replace(prior, history={d: n for d, n in prior.history.items() if d < day})
        for prior in prior_themes
        if prior.first_seen <= day
    ]


def _why_nothing(session: AuditSession | None, error: NothingFound) -> str:
    """Return why nothing was found, as a sentence."""
    if session and session.is_spent:
        return f"its budget of tokens or time was spent ({error})."
    if session and session.lost:
        stages = ", ".join(f"{count} {stage}" for stage, count in sorted(session.lost.items()))
        return f"requests stayed without a usable answer ({stages}; {error})."
    return f"{error}."
