"""An insight's row as text: Markdown to read, JSON for programs, CSV for a sheet."""

import csv
import io
import unicodedata

import orjson
from sqlalchemy import Engine

from failure_insights.errors import BadInput, UnknownName
from failure_insights.export.markdown import insight_markdown
from failure_insights.store.digests import DigestRow
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.read_insights import insight_rows
from failure_insights.text.harmless import INVISIBLE_OR_JOINER

FORMATS = ("md", "json", "csv")
#: With one of these a spreadsheet takes a cell for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "|", "%")


def export_insight(engine: Engine, insight_id: int, format: str) -> str:
    """Return one stored insight as text.

    Raises:
        UnknownName: no such insight.
        BadInput: no such format.
    """
    with engine.connect() as connection:
        rows = insight_rows(connection, [insight_id])
    if not rows:
        raise UnknownName(f"there is no insight {insight_id}", code="unknown_insight")
    return render(rows[0], format)


def render(row: InsightRow, format: str) -> str:
    """Return an insight's row in one of `FORMATS`, without a final newline."""
    match format:
        case "json":
            return as_json(row)
        case "csv":
            return as_csv(row)
        case "md":
            return insight_markdown(row)
    raise BadInput(f"format {format!r} is not one of {', '.join(FORMATS)}", code="unknown_format")


def as_json(row: InsightRow | DigestRow) -> str:
    return orjson.dumps(row, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()


def as_csv(row: InsightRow) -> str:
    """Return one line a call: its group, theme, cause and first quote."""
    out = io.StringIO()
    # Quoted, a carriage return or a tab in a cell begins no new row or cell.
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
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


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula.

    Spreadsheets pass over spaces, and some over characters that nobody sees, before the sign that
    begins a formula; full-width signs begin one too.
    """
    if not isinstance(value, str):
        return value
    visible = INVISIBLE_OR_JOINER.sub("", value).lstrip()
    begins_formula = unicodedata.normalize("NFKC", visible[:1]) in FORMULA_SIGNS
    return f"'{value}" if visible and begins_formula else value
