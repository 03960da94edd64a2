"""Audits calls of a file in the native format, and scores the groups against people's labels."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sklearn.metrics import adjusted_rand_score, v_measure_score

from failure_insights.domain.auditing import Auditor, CallContext, Earlier
from failure_insights.domain.breakdown import Breakdown
from failure_insights.domain.calls import Turn
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import DAY, FailingCall, Pool, Window
from failure_insights_tests.quality.hard_report import show_counts
from failure_insights_tests.quality.scoring import calibration


@dataclass(frozen=True)
class FileReader:
    """The `CallReader` of calls in a file."""

    lines: Mapping[str, Mapping[str, Any]]
    passed: Sequence[FailingCall]

    def transcripts(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[Turn]]:
        return {c: [Turn(**turn) for turn in self.lines[c]["transcript"]] for c in call_ids}

    def contexts(self, call_ids: Sequence[str]) -> Mapping[str, CallContext]:
        return {
            c: CallContext(
                self.lines[c].get("ended_reason"),
                self.lines[c].get("duration_s"),
                self.lines[c].get("metadata") or {},
            )
            for c in call_ids
        }

    def about_project(self) -> str:
        return ""

    def passing(self, limit: int) -> Sequence[FailingCall]:
        return self.passed[:limit]

    def earlier(self) -> Earlier:
        return Earlier()


def read_pool(path: Path, project: str, metric: str) -> tuple[Pool, FileReader]:
    """Return the failing calls of a project's metric in a file, all in one window."""
    lines: dict[str, Mapping[str, Any]] = {}
    failing: list[FailingCall] = []
    passed: list[FailingCall] = []
    for text in path.read_text("utf-8").splitlines():
        line = json.loads(text)
        for result in line["metrics"] if line["project"] == project else ():
            if result["name"] == metric:
                lines[line["call_id"]] = line
                started = datetime.fromisoformat(line["started_at"])
                said, score = result.get("explanation") or "", result.get("score")
                call = FailingCall(line["call_id"], line["agent"], started, said, score)
                (passed if result["passed"] else failing).append(call)
    if not failing:
        raise SystemExit(f"{path} holds no failing call of {metric!r} in project {project!r}")
    failing.sort(key=lambda call: call.started_at)
    end = failing[-1].started_at + timedelta(minutes=1)
    window = Window(end, (end - failing[0].started_at) // DAY + 1)
    return Pool(project, MetricCard(metric), window, tuple(failing)), FileReader(lines, passed)


def show_real_calls(
    console: Console,
    auditor: Auditor,
    path: Path,
    project: str,
    metric: str,
    labels: Sequence[Path],
) -> None:
    """Print an audit of a file's calls; with labels, its agreement with them and theirs.

    Args:
        labels: files of people who read the calls, each a JSON object from call ID to cause.
    """
    pool, reader = read_pool(path, project, metric)
    breakdown = asyncio.run(auditor.audit(pool, reader, (), None))
    _show_groups(console, breakdown)
    people = {str(file.name): json.loads(file.read_text("utf-8")) for file in labels}
    groups = {"audit": _groups(breakdown), **people}
    table = Table(title="Agreement", title_justify="left")
    for heading in ("one", "other", "calls", "V", "ARI"):
        table.add_column(heading, justify="left" if heading in ("one", "other") else "right")
    for one, other in combinations(groups, 2):
        both = [c for c in pool.call_ids if c in groups[one] and c in groups[other]]
        pair = [groups[one][c] for c in both], [groups[other][c] for c in both]
        v, ari = v_measure_score(*pair), adjusted_rand_score(*pair)
        table.add_row(one, other, str(len(both)), f"{v:.2f}", f"{ari:.2f}")
    if people:
        console.print(table)
    for name, truth in people.items():
        title = f"Labels of the audit, where {name} is right"
        show_counts(console, title, calibration(breakdown, truth))


def _show_groups(console: Console, breakdown: Breakdown) -> None:
    for mode in breakdown.failure_modes:
        console.print(f"{mode.count:4} {mode.title} ({mode.severity})", markup=False)
        for cause in mode.causes:
            console.print(f"       {cause.count:4} {cause.title}", markup=False)
    for cause in breakdown.other_causes:
        console.print(f"{cause.count:4} (other) {cause.title}", markup=False)
    usage, total = breakdown.usage, len(breakdown.pool.calls)
    console.print(
        f"{total} calls, {breakdown.num_calls_analyzed} read; unassigned "
        f"{len(breakdown.unassigned_call_ids)}, not read {len(breakdown.not_read_call_ids)}, "
        f"suspected judge errors {len(breakdown.suspected_judge_errors)}, about the metric "
        f"{len(breakdown.metric_findings)}; {usage.requests} requests, {usage.input_tokens:,} "
        f"tokens in, {usage.output_tokens:,} out, US$ {breakdown.cost}"
    )


def _groups(breakdown: Breakdown) -> Mapping[str, str]:
    """Return each call's cause; calls without one are a group by what they are."""
    group = dict.fromkeys(breakdown.unassigned_call_ids, "unassigned")
    group |= dict.fromkeys(breakdown.not_read_call_ids, "not read")
    group |= {error.call_id: "judge error" for error in breakdown.suspected_judge_errors}
    group |= {finding.call_id: finding.kind for finding in breakdown.metric_findings}
    causes = [cause for mode in breakdown.failure_modes for cause in mode.causes]
    for cause in [*causes, *breakdown.other_causes]:
        group |= dict.fromkeys(cause.call_ids, cause.title)
    return group
