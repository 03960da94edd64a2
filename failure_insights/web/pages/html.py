"""Render rows of the store as HTML, by templates."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from failure_insights.domain.breakdown import METRIC_FINDINGS
from failure_insights.domain.changes import CHANGE_WORDS
from failure_insights.domain.origins import ORIGIN_LABELS
from failure_insights.domain.pools import NOT_ENOUGH_DATA
from failure_insights.store.cards import MOST_UNJUDGED
from failure_insights.web.auth.session import read_session
from failure_insights.web.pages import formats, links
from failure_insights.web.pages.history_line import history_line
from failure_insights.web.pages.static_files import static_url

_FILTERS = (
    formats.as_json,
    formats.brief_id,
    formats.clock,
    formats.code_words,
    formats.day,
    formats.dollars,
    formats.duration,
    formats.moment,
    formats.percent,
)


def render_html(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template's page; no cache keeps it, since it shows people's calls."""
    body = (
        _templates()
        .get_template(template)
        .render(
            is_signed_in=read_session(request) is not None,
            dagster_url=request.app.state.settings.dagster_url,
            asks_llm=request.app.state.settings.uses_agent,
            **values,
        )
    )
    return HTMLResponse(body, status)


class _Loader(PackageLoader):
    """Takes the templates' indentation off: it was a tenth of a page."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool] | None]:
        source, filename, is_current = super().get_source(environment, template)
        return re.sub(r"^[ \t]+", "", source, flags=re.MULTILINE), filename, is_current


class _Environment(Environment):
    """Looks a name up in a row (a dict) as a key first: a page does so 20,000 times, and Jinja's
    own order, attributes first, took a fifth of its time."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _templates() -> Environment:
    environment = _Environment(
        loader=_Loader("failure_insights.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {function.__name__: function for function in _FILTERS}
    environment.globals |= {
        "history_line": history_line,
        "change_words": CHANGE_WORDS,
        "links": links,
        "metric_findings": METRIC_FINDINGS,
        "most_unjudged": MOST_UNJUDGED,
        "not_enough_data": NOT_ENOUGH_DATA,
        "origin_labels": ORIGIN_LABELS,
        "plural": formats.plural,
        "spans": formats.spans,
        "static_url": static_url,
    }
    return environment
