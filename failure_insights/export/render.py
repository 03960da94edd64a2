"""An insight's row as text: markdown to read, JSON for programs, CSV for a sheet."""

import csv
import io

import orjson
from sqlalchemy import Engine

from failure_insights.domain.breakdown import METRIC_FINDINGS
from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.insight_rows import CauseRow, FailureModeRow, InsightRow, insight_rows
from failure_insights.text.markdown import plain

FORMATS = ("md", "json", "csv")


def export_insight(engine: Engine, insight_id: int, format: str) -> str:
    """Return one stored insight as text.

    Raises:
        UnknownName: no such insight.
        BadInput: no such format.
    """
    with engine.connect() as connection:
        rows = insight_rows(connection, [insight_id])
    if not rows:
        raise UnknownName(f"there is no insight {insight_id}")
    return render(rows[0], format)


def render(row: InsightRow, format: str) -> str:
    """Return an insight's row in one of `FORMATS`, without a final newline."""
    match format:
        case "json":
            return as_json(row)
        case "csv":
            return as_csv(row)
        case "md":
            return as_markdown(row)
    raise BadInput(f"format {format!r} is not one of {', '.join(FORMATS)}")


def as_json(row: InsightRow) -> str:
    return orjson.dumps(row, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()


def as_csv(row: InsightRow) -> str:
    """Return one line a call: its group, theme, cause and first quote."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["call_id", "group", "theme_id", "title", "turn", "quote", "cause"])
    for mode in row["failure_modes"]:
        quotes = {item["call_id"]: item for item in reversed(mode["evidence"])}
        causes = {call: cause["title"] for cause in mode["causes"] for call in cause["call_ids"]}
        for call in mode["call_ids"]:
            item = quotes.get(call, {"turn": None, "quote": ""})
            cells = ["theme", mode["theme_id"], mode["title"], item["turn"], item["quote"]]
            writer.writerow(map(_cell, [call, *cells, causes.get(call, "")]))
    for cause in row["other_causes"]:
        for call in cause["call_ids"]:
            writer.writerow(map(_cell, [call, "other_cause", "", "", "", "", cause["title"]]))
    for call in row["unassigned_call_ids"]:
        writer.writerow(map(_cell, [call, "unassigned", "", "", "", "", ""]))
    for call in row["not_read_call_ids"]:
        writer.writerow(map(_cell, [call, "not_read", "", "", "", "", ""]))
    for error in row["suspected_judge_errors"]:
        cells = [error["call_id"], "suspected_judge_error", "", error["reason"]]
        writer.writerow(map(_cell, [*cells, error["turn"], error["quote"], ""]))
    for finding in row["metric_findings"]:
        cells = [finding["call_id"], "metric_finding", "", finding["reason"]]
        writer.writerow(map(_cell, [*cells, finding["turn"], finding["quote"], finding["kind"]]))
    return out.getvalue().rstrip("\n")


def as_markdown(row: InsightRow) -> str:
    """Return the insight as a person reads it."""
    lines = [f"# {plain(row['project'])}: {plain(row['metric_name'])}", "", _summary(row), ""]
    for number, mode in enumerate(row["failure_modes"], start=1):
        lines += _theme(number, mode)
    if row["other_causes"]:
        lines += ["## Other causes", "", *map(_cause, row["other_causes"]), ""]
    if row["unassigned_call_ids"]:
        lines += ["## No clear cause", "", _ids(row["unassigned_call_ids"]), ""]
    if row["not_read_call_ids"]:
        lines += ["## Not read", "", _ids(row["not_read_call_ids"]), ""]
    if row["suspected_judge_errors"]:
        lines += ["## The judge was likely wrong", ""]
        for error in row["suspected_judge_errors"]:
            lines.append(f"- {plain(error['call_id'])}: {plain(error['reason'])}")
        lines.append("")
    if row["metric_findings"]:
        lines += ["## About the metric, not the agent", ""]
        for finding in row["metric_findings"]:
            kind = METRIC_FINDINGS[finding["kind"]]
            lines.append(f"- {plain(finding['call_id'])}: {kind}. {plain(finding['reason'])}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _summary(row: InsightRow) -> str:
    if row["status"] != "succeeded":
        return plain(row["error_message"] or row["message"] or row["status"])
    window = f"{row['window_start']:%Y-%m-%d %H:%M} to {row['window_end']:%Y-%m-%d %H:%M} UTC"
    read = f"{row['num_calls_analyzed']} transcripts read"
    text = f"{row['num_failing_calls']} failing calls, {window}; {read}; auditor: {row['auditor']}."
    return f"{text}\n\n{plain(row['message'])}" if row["message"] else text


def _theme(number: int, mode: FailureModeRow) -> list[str]:
    lines = [
        f"## {number}. {plain(mode['title'])}",
        "",
        f"{mode['count']} calls ({mode['share']:.0%}), {mode['status']}, "
        f"first seen {mode['first_seen']}. {plain(mode['description'])}",
        "",
    ]
    for item in mode["evidence"]:
        where = "the judge" if item["turn"] is None else f"turn {item['turn']}"
        lines.append(f"> {plain(item['quote'])} ({plain(item['call_id'])}, {where})")
        lines.append("")
    if mode["severity"]:
        lines += [f"Severity: {mode['severity']}. {plain(mode['severity_reason'])}".strip(), ""]
    if len(mode["causes"]) > 1:
        lines += [*map(_cause, mode["causes"]), ""]
    if mode["suggested_fix"]:
        lines += [f"Suggested fix: {plain(mode['suggested_fix'])}", ""]
    return [*lines, f"Calls: {_ids(mode['call_ids'])}", ""]


def _cause(cause: CauseRow) -> str:
    return f"- {plain(cause['title'])}: {cause['count']} ({_ids(cause['call_ids'])})"


def _ids(call_ids: list[str]) -> str:
    return ", ".join(plain(call) for call in call_ids)


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
