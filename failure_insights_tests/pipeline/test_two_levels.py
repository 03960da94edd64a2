"""What an audit found on both levels is read back as it was written, and exported."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Engine

from failure_insights.domain.breakdown import (
    Breakdown,
    Cause,
    Evidence,
    FailureMode,
    MetricFinding,
    SuspectedJudgeError,
)
from failure_insights.domain.identity import settle_identity
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights.export.markdown import insight_markdown
from failure_insights.export.render import as_csv
from failure_insights.ingest.import_calls import import_calls
from failure_insights.store import queue
from failure_insights.store.insight_lists import as_view
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.insights import prior_causes, prior_themes, succeed
from failure_insights.store.projects import find_metric, find_project, find_view, put_view
from failure_insights.store.read_insights import insight_rows

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
DAY = timedelta(days=1)
CALLS = "abcdefghij"


def take_in(engine: Engine) -> None:
    lines = [
        {
            "call_id": call_id,
            "project": "clinic",
            "agent": "night" if call_id in "bd" else "desk",
            "started_at": (NOW - timedelta(hours=1)).isoformat(),
            "transcript": [{"role": "agent", "content": "We are closed."}],
            "metrics": [{"name": "Hallucination", "passed": call_id == "p"}],
        }
        for call_id in [*CALLS, "p"]
    ]
    assert import_calls(engine, map(orjson.dumps, lines)).new == len(lines)


def audit(
    engine: Engine,
    end: datetime = NOW,
    causes: Sequence[Cause] | None = None,
    more: FailureMode | None = None,
) -> int:
    """Keep an audit of all calls whose groups are all there, and return its ID."""
    causes = causes or (
        Cause("Reads old hours", ("a", "b"), "Old hours.", {"old": 1.0}),
        Cause("Knows no holiday", ("c",), "No holiday.", {"holiday": 1.0}),
    )
    mode = FailureMode(
        "Wrong opening hours",
        "Says that it is closed.",
        tuple(call for cause in causes for call in cause.call_ids),
        (Evidence("a", 0, "We are closed."),),
        terms={"hours": 1.0},
        causes=tuple(causes),
        also_call_ids=("d",),
        severity="high",
        severity_reason="Callers stay away.",
    )
    with engine.begin() as connection:
        metric = find_metric(connection, find_project(connection, "clinic").id, "Hallucination")
        calls = tuple(FailingCall(call_id, "desk", NOW, "") for call_id in CALLS)
        window = Window(end, 1)
        made = Breakdown(
            Pool("clinic", metric.card, window, calls),
            (mode, more) if more else (mode,),
            "agent",
            other_causes=(Cause("Hangs up early", ("d", "e"), "", {"hangs": 1.0}),),
            unassigned_call_ids=() if more else ("f",),
            not_read_call_ids=("g", "h"),
            suspected_judge_errors=(SuspectedJudgeError("i", 0, "We are closed.", "It is."),),
            metric_findings=(
                MetricFinding("nothing_called_for_it", "j", 0, "We are closed.", "Nobody asked."),
            ),
            cost=0.02,
        )
        new = queue.NewAudit(metric.key, metric.id, "Hallucination", window.date, "manual")
        (insight_id,) = queue.open_audits(connection, [new], "a-run")
        settled = settle_identity(
            made,
            prior_themes(connection, metric.key, window.date),
            metric.key,
            window.date,
            prior_causes(connection, metric.id, window.date),
        )
        succeed(connection, insight_id, window.date, settled)
    return insight_id


def read(engine: Engine, insight_id: int) -> InsightRow:
    with engine.connect() as connection:
        return insight_rows(connection, [insight_id])[0]


def test_every_group_is_read_back_and_adds_up(engine: Engine) -> None:
    take_in(engine)
    row = read(engine, audit(engine))
    (mode,) = row["failure_modes"]
    assert [(c["title"], c["count"], c["call_ids"]) for c in mode["causes"]] == [
        ("Reads old hours", 2, ["a", "b"]),
        ("Knows no holiday", 1, ["c"]),
    ]
    assert (mode["severity"], mode["severity_reason"]) == ("high", "Callers stay away.")
    assert mode["also_call_ids"] == ["d"]
    assert [(c["title"], c["call_ids"]) for c in row["other_causes"]] == [
        ("Hangs up early", ["d", "e"])
    ]
    assert row["unassigned_call_ids"] == ["f"]
    assert row["not_read_call_ids"] == ["g", "h"]
    assert [error["call_id"] for error in row["suspected_judge_errors"]] == ["i"]
    assert [(f["kind"], f["call_id"]) for f in row["metric_findings"]] == [
        ("nothing_called_for_it", "j")
    ]
    assert (row["num_failing_calls"], row["num_evaluated_calls"], row["cost"]) == (10, 11, 0.02)


def test_a_view_sees_its_own_part_of_every_group(engine: Engine) -> None:
    take_in(engine)
    insight_id = audit(engine)
    with engine.begin() as connection:
        project = find_project(connection, "clinic")
        put_view(connection, project.id, "Night", ["night"])
        view = find_view(connection, project, "night")
        (row,) = as_view(connection, project, view, insight_rows(connection, [insight_id]))
    (mode,) = row["failure_modes"]
    assert [c["call_ids"] for c in mode["causes"]] == [["b"]]
    assert [c["call_ids"] for c in row["other_causes"]] == [["d"]]
    assert row["not_read_call_ids"] == []
    assert row["metric_findings"] == []


def test_a_cause_that_recurs_keeps_its_id_though_its_theme_is_another(engine: Engine) -> None:
    take_in(engine)
    first = read(engine, audit(engine, NOW - DAY))
    second = read(
        engine,
        audit(engine, NOW, [Cause("Old hours again", ("a", "b", "c"), "Old.", {"old": 1.0})]),
    )
    known = first["failure_modes"][0]["causes"][0]
    (kept,) = second["failure_modes"][0]["causes"]
    assert (kept["cause_id"], kept["title"]) == (known["cause_id"], "Reads old hours")
    assert (known["status"], kept["status"]) == ("new", "recurring")
    assert second["other_causes"][0]["cause_id"] == first["other_causes"][0]["cause_id"]


def test_exports_hold_every_call_once(engine: Engine) -> None:
    take_in(engine)
    row = read(engine, audit(engine))
    lines = list(csv.reader(as_csv(row).splitlines()))[1:]
    assert sorted(line[0] for line in lines) == list(CALLS)
    text = insight_markdown(row)
    for words in ("Knows no holiday: 1", "Hangs up early: 2", "About the metric", "Not read"):
        assert words in text
