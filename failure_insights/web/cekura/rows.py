"""Shape rows as Cekura's API has them: its names of fields, its statuses, integer IDs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from failure_insights.domain.metrics import MetricCard, MetricType, ScoreType, default_type
from failure_insights.store.calls import CallRow, TurnRow
from failure_insights.store.insight_rows import FailureModeRow, InsightRow
from failure_insights.store.names import ProjectRow
from failure_insights.store.seen_rows import SeenAgent, SeenCall, SeenMetric
from failure_insights.web.cekura.predefined import PREDEFINED, predefined_id

#: Our types of scores in Cekura's words, and back.
EVAL_TYPES: Mapping[ScoreType, str] = {
    "binary": "binary",
    "rating": "continuous_qualitative",
    "number": "numeric",
    "enum": "enum",
}
SCORE_TYPES: Mapping[str, ScoreType] = {theirs: ours for ours, theirs in EVAL_TYPES.items()}
#: Cekura's types of metrics; its older two are LLM judges too.
METRIC_TYPES: Mapping[str, MetricType] = {
    "llm_judge": "llm_judge",
    "basic": "llm_judge",
    "custom_prompt": "llm_judge",
    "custom_code": "custom_code",
}

_STATUSES = {"skipped_not_enough_data": "skipped_no_failures"}
_SPEAKERS = {"agent": "Main Agent", "user": "Testing Agent"}
_SEVERE = ("critical", "high")


class FailureMode(TypedDict):
    """A theme of an insight. `call_log_ids` are integers, `call_ids` the providers' own."""

    theme_id: str
    category_slug: str
    title: str
    description: str
    details: str
    severity: str | None
    count: int
    share: float
    call_log_ids: list[int]
    call_ids: list[str]
    evidence: Sequence[Mapping[str, Any]]
    origin: str
    suggested_fix: str


class Insight(TypedDict):
    """An audit's row as Cekura's Insights page reads it."""

    id: int
    project: int | None
    metric: int | None
    predefined_metric: int | None
    metric_name: str
    is_triage: bool
    window_start: datetime | None
    window_end: datetime | None
    num_calls_analyzed: int
    total_failures_in_window: int
    status: str
    headline: str
    overall_status_emoji: str
    failure_modes: list[FailureMode]
    error_message: str
    duration_seconds: float | None
    created_at: datetime
    updated_at: datetime


def call_ids_in(rows: Collection[InsightRow]) -> set[str]:
    """Return the providers' IDs of all calls that these insights' themes hold."""
    return {call for row in rows for mode in row["failure_modes"] for call in mode["call_ids"]}


def insight(row: InsightRow, numbers: Mapping[str, int]) -> Insight:
    """Return an insight as Cekura has it; `numbers`: our numbers of its calls."""
    return {
        "id": row["id"],
        "project": row["project_id"],
        "metric": row["metric_id"],
        "predefined_metric": predefined_id(row["metric_name"]),
        "metric_name": row["metric_name"],
        "is_triage": row["metric_id"] is not None,
        "window_start": row["window_start"],
        "window_end": row["window_end"],
        "num_calls_analyzed": row["num_calls_analyzed"] or 0,
        "total_failures_in_window": row["num_failing_calls"] or 0,
        "status": _STATUSES.get(row["status"], row["status"]),
        "headline": _headline(row),
        "overall_status_emoji": _emoji(row),
        "failure_modes": [_failure_mode(mode, numbers) for mode in row["failure_modes"]],
        "error_message": row["error_message"],
        "duration_seconds": row["duration_seconds"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _headline(row: InsightRow) -> str:
    if not row["failure_modes"]:
        return row["message"]
    first = row["failure_modes"][0]
    return f"{first['title']} ({first['count']} of {row['num_failing_calls']} failing calls)"


def _emoji(row: InsightRow) -> str:
    """Return a colour: green without a failing call, red with a theme that is severe."""
    if row["status"] not in ("succeeded", "skipped_not_enough_data"):
        return ""
    if not row["num_failing_calls"]:
        return "🟢"
    is_severe = any(mode["severity"] in _SEVERE for mode in row["failure_modes"])
    return "🔴" if is_severe else "🟡"


def _failure_mode(mode: FailureModeRow, numbers: Mapping[str, int]) -> FailureMode:
    return {
        "theme_id": mode["theme_id"],
        "category_slug": mode["theme_id"],
        "title": mode["title"],
        "description": mode["description"],
        "details": mode["description"],
        "severity": mode["severity"],
        "count": mode["count"],
        "share": mode["share"],
        "call_log_ids": [numbers[call] for call in mode["call_ids"] if call in numbers],
        "call_ids": mode["call_ids"],
        "evidence": mode["evidence"],
        "origin": mode["origin"],
        "suggested_fix": mode["suggested_fix"],
    }


def project(row: ProjectRow) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "slug": row.slug, "created_at": row.created_at}


def agent(row: SeenAgent) -> dict[str, Any]:
    """Return an agent. What only Cekura's test runs know of one is empty."""
    return {
        "id": row.id,
        "name": row.name,
        "agent_name": row.name,
        "project": row.project_id,
        "description": "",
        "provider": None,
        "telephony": None,
        "created_at": row.created_at,
    }


def metric(row: SeenMetric) -> dict[str, Any]:
    """Return a metric's card; `pass_rule` and `about` are ours."""
    return {
        "id": row.id,
        "slug": row.slug,
        "project": row.project_id,
        "agents": [],
        "name": row.name,
        "description": row.description,
        "type": row.type,
        "eval_type": EVAL_TYPES[row.score_type],
        "prompt": row.prompt,
        "observability_enabled": True,
        "simulation_enabled": False,
        "predefined_metric": predefined_id(row.name),
        "is_triage": row.is_eligible,
        "pass_rule": row.pass_rule,
        "about": row.about,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def predefined_metrics() -> list[dict[str, Any]]:
    """Return the predefined metrics that Failure Insights knows by name."""
    return [
        {
            "id": number,
            "name": name,
            "slug": name.lower().replace(" ", "_"),
            "description": MetricCard(name, default_type(name)).why_not_eligible
            or "Judged by an LLM; its failing calls are audited.",
            "type": default_type(name),
        }
        for number, name in PREDEFINED.items()
    ]


def call_summary(row: SeenCall) -> dict[str, Any]:
    """Return a call as lists have it, without its words."""
    return {
        "id": row.id,
        "call_id": row.call_id,
        "project": row.project_id,
        "agent": row.agent_id,
        "agent_name": row.agent,
        "timestamp": row.started_at,
        "duration": row.duration_s,
        "call_ended_reason": row.ended_reason,
        "customer_number": row.metadata.get("customer_number"),
        "status": "completed",
        "success": row.passed,
        "metadata": row.metadata,
        "created_at": row.imported_at,
    }


def call(row: SeenCall, words: CallRow) -> dict[str, Any]:
    """Return a call with its transcript and every metric's result."""
    turns = [_turn(turn) for turn in words["transcript"]]
    return {
        **call_summary(row),
        "transcript": "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns),
        "transcript_object": turns,
        "evaluation": {
            "metrics": [
                {
                    "id": result["metric_id"],
                    "name": result["name"],
                    "type": result["type"],
                    "score": result["score"],
                    "passed": result["passed"],
                    "explanation": result["explanation"],
                }
                for result in words["metrics"]
            ]
        },
    }


def _turn(turn: TurnRow) -> dict[str, Any]:
    return {
        "role": _SPEAKERS.get(turn["role"], turn["role"]),
        "content": turn["content"],
        "start_time": turn.get("start_s"),
        "tool_name": turn.get("tool_name"),
    }
