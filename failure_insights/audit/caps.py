"""Hold the monthly caps: an audit that could pass one does without the LLM."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from failure_insights.audit.run_audits import AuditTask
from failure_insights.domain.spending import Caps
from failure_insights.settings import Settings
from failure_insights.store.spending import caps_of, set_aside, spent_this_month


@dataclass(frozen=True, slots=True)
class MonthlyCaps:
    """Sets aside what each audit may cost before it begins, or says why it may not."""

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, task: AuditTask) -> str | None:
        """Return why the caps keep the LLM from an audit, as a sentence; None: it may begin."""
        if not self.settings.uses_agent:
            return None
        # Imported here: it knows the LLM's options, and runs that ask none begin without it.
        from failure_insights.audit.estimates import estimate_pools

        now = self.clock()
        with self.engine.begin() as connection:
            project = task.pool.project
            caps = caps_of(connection, project, self.settings.monthly_cap)
            failing = {task.metric_id: len(task.pool.calls)}
            estimates = estimate_pools(
                connection, self.settings, failing, task.pool.window.end, task.max_calls
            )
            cost = estimates[task.metric_id].high
            if cost is None:
                return self._price_unknown(caps)
            return set_aside(connection, task.insight_id, project, cost, caps, now)

    def _price_unknown(self, caps: Caps) -> str | None:
        if not caps:
            return None
        return (
            f"The price of {self.settings.model} or of its reader is not known, so that the "
            "monthly cap could not be kept. Name it in FAILURE_INSIGHTS_PRICES_FILE; a model of "
            "your own may cost 0."
        )


def why_over_cap(
    engine: Engine, settings: Settings, project: str, cost: float | None, now: datetime
) -> str | None:
    """Return why a month's caps keep requests from an LLM, as a sentence; None: they may be made.

    Nothing is set aside: what is asked beside audits is cheap, and over at once.

    Args:
        project: its slug.
        cost: of the requests in US dollars, at most; None: the price is not known.
    """
    with engine.connect() as connection:
        caps = caps_of(connection, project, settings.monthly_cap)
        if not caps:
            return None
        spent = spent_this_month(connection, project, now)
    if cost is None:
        return "The price of the model is not known, so that the cap could not be kept."
    return caps.why_not(cost, spent.project, spent.all_projects, now)
