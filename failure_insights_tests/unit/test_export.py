"""Insights as Markdown and CSV: what strangers wrote stays words."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from markdown_it import MarkdownIt

from failure_insights.domain.breakdown import Breakdown, Evidence, FailureMode
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights.export.markdown import breakdown_markdown, insight_markdown
from failure_insights.export.render import as_csv
from failure_insights.store.insight_rows import InsightRow
from failure_insights.web.api.examples import EXAMPLES

HOSTILE = "# *Bold* <b>x</b>\n- [link](http://x) ![i](y) `code` | &lt; {{ 7 * 7 }}"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


def hostile(value: Any) -> Any:
    """Return a row with hostile text in place of every free text, at any depth."""
    match value:
        case dict():
            fixed = ("status", "kind", "severity", "auditor", "trigger", "theme_id", "cause_id")
            return {k: v if k in fixed else hostile(v) for k, v in value.items()}
        case list():
            return [hostile(item) for item in value]
        case str() if value:
            return HOSTILE
    return value


def tokens(markdown: str) -> list[str]:
    """Return what a Markdown reader makes of a text, its words aside."""
    reader = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    blocks = reader.parse(markdown)
    inline = [child.type for block in blocks for child in block.children or ()]
    return [block.type for block in blocks] + [kind for kind in inline if kind != "text"]


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_what_strangers_wrote_formats_nothing_in_markdown(status: str) -> None:
    example: Any = EXAMPLES[InsightRow]
    tame: InsightRow = {**example, "status": status, "message": "Words."}
    row: InsightRow = {**hostile(tame), "status": status}
    assert tokens(insight_markdown(row)) == tokens(insight_markdown(tame))
    assert "49" not in insight_markdown(row)


def test_a_breakdown_in_brief_holds_no_call_id() -> None:
    calls = tuple(FailingCall(f"id-{n}", "agent", NOW, "") for n in range(9))
    ids = [call.call_id for call in calls]
    mode = FailureMode(HOSTILE, "Why.", (ids[0], ids[1]), (Evidence(ids[0], 2, "Said so."),))
    breakdown = Breakdown(
        Pool("shop", MetricCard("M"), Window(NOW, 1), calls),
        (mode, replace(mode, title="Two", call_ids=(ids[2],), evidence=())),
        "agent",
        unassigned_call_ids=tuple(ids[3:]),
        message="Half was read.",
    )
    shown = breakdown_markdown(breakdown)
    assert "2 of 9 calls (22%), new. Why." in shown
    assert "> Said so." in shown
    assert "- 6 calls without a clear cause" in shown
    assert shown.endswith("Half was read.")
    assert "id-" not in shown
    assert "\n\n\n" not in shown


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@A1", "\t=1+1", " \u200b=1+1", "\uff1d1+1", "a\r=1+1", "\r=1"]
)
def test_no_cell_of_the_sheet_is_a_formula(formula: str) -> None:
    example: Any = hostile(EXAMPLES[InsightRow])
    for mode in example["failure_modes"]:
        mode["title"] = formula
        mode["call_ids"] = [formula]
    lines = list(csv.reader(io.StringIO(as_csv(example), newline="")))
    assert {len(line) for line in lines} == {7}
    cells = [cell for line in lines[1:] for cell in line]
    written = formula if formula.startswith("a") else f"'{formula}"
    assert cells.count(written) >= 2
    assert not [
        cell for cell in cells if cell.strip("\u200b \t\r")[:1] in ("=", "+", "-", "@", "\uff1d")
    ]
