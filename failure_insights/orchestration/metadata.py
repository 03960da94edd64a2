"""What the Dagster UI shows of a partition: tables, counts, the breakdown, a link to the card."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg

from failure_insights.audit.run_audits import AuditResult
from failure_insights.domain.pools import NOT_ENOUGH_DATA, FailingCall, Window
from failure_insights.export.markdown import breakdown_markdown
from failure_insights.settings import get_settings

Metadata = Mapping[str, Any]

PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 160

_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("call_id"),
        dg.TableColumn("agent"),
        dg.TableColumn("started_at"),
        dg.TableColumn("score"),
        dg.TableColumn("explanation"),
    ]
)


def of_pool(window: Window, calls: Sequence[FailingCall]) -> Metadata:
    """Return what a partition of failing_calls shows."""
    records = [
        dg.TableRecord(
            {
                "call_id": call.call_id,
                "agent": call.agent,
                "started_at": call.started_at.isoformat(timespec="minutes"),
                "score": "" if call.score is None else str(call.score),
                "explanation": call.explanation[:PREVIEW_CHARACTERS],
            }
        )
        for call in calls[:PREVIEW_ROWS]
    ]
    return {
        "failing calls": len(calls),
        **_window(window),
        "preview": dg.TableMetadataValue(records, _COLUMNS),
    }


def of_audit(result: AuditResult) -> Metadata:
    """Return what a partition of failure_audit shows."""
    pool = result.task.pool
    common = {
        "failing calls": len(pool.calls),
        **_window(pool.window),
        "insight": result.task.insight_id,
        "card": dg.MetadataValue.url(card_url(result.task.project_metric)),
    }
    if not result.breakdown:
        return {"status": NOT_ENOUGH_DATA, **common}
    return {
        "breakdown": dg.MetadataValue.md(breakdown_markdown(result.breakdown)),
        "themes": len(result.breakdown.failure_modes),
        "auditor": result.breakdown.auditor,
        "degraded": result.breakdown.degraded,
        "calls read": result.breakdown.num_calls_analyzed,
        **common,
    }


def of_kept(run_id: str) -> Metadata:
    """Return what a partition shows that an earlier run of the same work had done."""
    return {"kept from run": dg.MetadataValue.dagster_run(run_id)}


def card_url(project_metric: str) -> str:
    """Return where people see the pair's card."""
    project, _, metric = project_metric.partition("/")
    base = get_settings().public_url.rstrip("/")
    return f"{base}/?project={quote(project)}#{quote(metric)}"


def _window(window: Window) -> dict[str, Any]:
    return {
        "window": f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC",
        "window days": window.days,
    }
