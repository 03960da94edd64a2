"""Insights, breakdowns and digests as Markdown, by the templates `*.md.j2`."""

import re
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from failure_insights.domain.breakdown import METRIC_FINDINGS, Breakdown
from failure_insights.domain.changes import CHANGE_WORDS
from failure_insights.store.digests import DigestRow
from failure_insights.store.insight_rows import InsightRow
from failure_insights.text.markdown import plain


def insight_markdown(row: InsightRow) -> str:
    """Return an insight as a person reads it; what strangers wrote cannot format it."""
    return _render(row, row["num_failing_calls"], brief=False)


def breakdown_markdown(breakdown: Breakdown) -> str:
    """Return a breakdown in brief: each theme with one quote, and counts instead of call IDs."""
    return _render(breakdown, len(breakdown.pool.calls), brief=True)


def digest_markdown(digest: DigestRow) -> str:
    """Return a digest as a person reads it; what strangers wrote cannot format it."""
    return _tidy(_template("digest.md.j2").render(digest=digest, kinds=CHANGE_WORDS))


def _render(insight: InsightRow | Breakdown, total: int | None, *, brief: bool) -> str:
    return _tidy(_template("insight.md.j2").render(insight=insight, total=total, brief=brief))


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@cache
def _template(name: str) -> Any:
    environment = Environment(
        loader=PackageLoader("failure_insights.export", "."),
        # What macros give is Markup, and so is not made plain once more.
        autoescape=True,
        finalize=_plain_markup,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"minute": _minute, "percent": "{:.0%}".format}
    environment.globals["metric_findings"] = METRIC_FINDINGS
    return environment.get_template(name)


def _plain_markup(value: Any) -> Any:
    """Return text as Markup that formats nothing. Whatever the template puts in comes here."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return Markup(plain(value))  # noqa: S704 - plain in Markdown and in HTML alike
    return value


def _minute(value: datetime) -> Markup:
    return Markup(f"{value:%Y-%m-%d %H:%M}")  # noqa: S704 - digits only
