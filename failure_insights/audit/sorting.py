"""Sort failing calls that came after an audit into its themes, by their explanations alone.

Cheap: 25 calls a request, no transcript is read. Rough: what fits no criterion waits for the next
audit, which reads everything anew and is the only one whose counts count.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from failure_insights.audit import prompts
from failure_insights.audit.agent.assign import BATCH
from failure_insights.audit.agent.briefing import metric_text
from failure_insights.audit.agent.cases import Case, prepare
from failure_insights.audit.agent.options import STAGES, options_of
from failure_insights.audit.agent.schemas import Assignment
from failure_insights.audit.caps import why_over_cap
from failure_insights.audit.llm_endpoint import endpoint_of
from failure_insights.domain.pools import Pool, Window
from failure_insights.llm import (
    Budget,
    Endpoint,
    EndpointRefused,
    Message,
    total_cost,
)
from failure_insights.llm.budget import Tokens
from failure_insights.llm.errors import LlmError
from failure_insights.settings import Settings
from failure_insights.store.projects import MetricRow, pairs_by_key
from failure_insights.store.sorted_calls import (
    Unsorted,
    criteria_of,
    keep_sorted,
    unsorted_calls,
)

#: Tokens of one metric's sorting, and seconds.
MAX_TOKENS = 60_000
MAX_SECONDS = 120.0
#: What a request of a batch costs at most, to hold against a cap.
AT_MOST = Tokens(input=14_000, output=4_000)


@dataclass
class SortReport:
    """How many calls were sorted into themes, into none, and why others were not."""

    sorted: int = 0
    in_no_theme: int = 0
    left: str = ""


def sort_new_calls(engine: Engine, settings: Settings, now: datetime) -> SortReport:
    """Sort the failing calls that came after each metric's newest audit by the agent."""
    report = SortReport()
    if not settings.uses_agent:
        report.left = "No LLM is set."
        return report
    with engine.connect() as connection:
        groups = unsorted_calls(connection, now)
        metrics = pairs_by_key(connection, {group.pair for group in groups})
    if groups:
        asyncio.run(_sort(engine, settings, groups, metrics, now, report))
    return report


async def _sort(
    engine: Engine,
    settings: Settings,
    groups: Sequence[Unsorted],
    metrics: Mapping[str, MetricRow],
    now: datetime,
    report: SortReport,
) -> None:
    options = options_of(settings)
    async with endpoint_of(settings, engine) as endpoint:
        for group in groups:
            with engine.connect() as connection:
                criteria = criteria_of(connection, group.insight_id)
            if not criteria:
                continue
            if reason := _why_not(engine, settings, group, now):
                report.left = reason
                continue
            budget = Budget(MAX_TOKENS, MAX_SECONDS)
            metric = metrics[group.pair]
            try:
                found = await _themes_of(endpoint, settings, metric, group, criteria, budget)
            except EndpointRefused as refusal:
                report.left = str(refusal)
                return
            usage = {
                "requests": budget.requests,
                "input_tokens": budget.input_tokens,
                "output_tokens": budget.output_tokens,
            }
            cost = total_cost(budget.tokens_by_model, options.prices)
            with engine.begin() as connection:
                model = options.model_of("assign")
                keep_sorted(connection, group.insight_id, found, model, usage, cost)
            report.sorted += sum(theme is not None for theme in found.values())
            report.in_no_theme += sum(theme is None for theme in found.values())


def _why_not(engine: Engine, settings: Settings, group: Unsorted, now: datetime) -> str | None:
    """Return why a month's caps do not allow to sort a metric's calls; None: they do."""
    options = options_of(settings)
    project = group.pair.partition("/")[0]
    batches = -(-len(group.calls) // BATCH)
    cost = total_cost({options.model_of("assign"): AT_MOST}, options.prices)
    most = None if cost is None else cost * batches
    return why_over_cap(engine, settings, project, most, now)


async def _themes_of(
    endpoint: Endpoint,
    settings: Settings,
    metric: MetricRow,
    group: Unsorted,
    criteria: Mapping[str, str],
    budget: Budget,
) -> dict[str, str | None]:
    """Return the theme of each call that the LLM answered for; None: no theme of the audit."""
    names = {f"T{number}": theme for number, theme in enumerate(criteria, start=1)}
    listed = "\n".join(f"{name}: {criteria[theme]}" for name, theme in names.items())
    window = Window(max(call.started_at for call in group.calls), 1)
    cases = prepare(Pool(metric.project_slug, metric.card, window, group.calls))
    found: dict[str, str | None] = {}
    for batch in _batches(cases):
        system, data = prompts.load("assign").fill(
            metric=metric_text(metric.card),
            language=settings.language,
            causes=listed,
            items="\n".join(f"{c.handle}: {c.explanation or '(no explanation)'}" for c in batch),
        )
        try:
            answer = await endpoint.ask(
                options_of(settings).model_of("assign"),
                Message(system, data),
                Assignment,
                budget,
                effort=STAGES["assign"].effort,
                max_tokens=STAGES["assign"].max_tokens,
            )
        except EndpointRefused:
            raise
        except LlmError:
            continue  # these wait for the next time, or for the next audit
        by_handle = {case.handle: case.call_id for case in batch}
        for item in answer.items:
            if call_id := by_handle.get(item.handle.strip().lower()):
                found.setdefault(call_id, names.get(item.label.strip().upper()))
    return found


def _batches(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Yield the calls by the batch; one whose text addresses its readers is asked about alone."""
    yield from ([case] for case in cases if case.flagged)
    others = [case for case in cases if not case.flagged]
    for start in range(0, len(others), BATCH):
        yield others[start : start + BATCH]
