"""Make addresses of pages. Strangers choose names and IDs: each is one encoded part of a path."""

from urllib.parse import urlencode

from failure_insights.domain.addresses import digest_path, insight_path, part
from failure_insights.domain.addresses import group_anchor as group_anchor


def _with_query(path: str, **values: object) -> str:
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def insights(
    project: str, view: str | None = None, metric: str | None = None, whole: bool = False
) -> str:
    """The Insights page; with a metric, at its card; `whole`, with every card in full."""
    anchor = f"#{part(metric)}" if metric else ""
    return _with_query("/", project=project, view=view, whole=int(whole) or None) + anchor


def metric(project: str, metric: str, page: int | None = None) -> str:
    path = f"/projects/{part(project)}/metrics/{part(metric)}"
    return _with_query(path, page=page if page and page > 1 else None)


def card(project: str, metric: str, view: str | None, phase: str) -> str:
    """One card alone, where it is no longer in the phase that the page shows, or short there."""
    path = f"/projects/{part(project)}/metrics/{part(metric)}/card"
    return _with_query(path, view=view, phase=phase)


def generate(project: str, metric: str) -> str:
    return f"/projects/{part(project)}/metrics/{part(metric)}/audits"


def pass_rule(project: str, metric: str) -> str:
    return f"/projects/{part(project)}/metrics/{part(metric)}/rule"


def digest(project: str, digest_id: int, format: str = "") -> str:
    """A digest's page; with a format (`md`), a file of it."""
    return digest_path(project, digest_id) + (f".{format}" if format else "")


def digests(project: str) -> str:
    return f"/projects/{part(project)}/digests"


def theme_tests(project: str, theme_id: str, file: bool = False) -> str:
    """The page that makes tests of a theme, or the file that it gives."""
    return f"/projects/{part(project)}/themes/{part(theme_id)}/tests" + ("/file" if file else "")


def alerts(project: str) -> str:
    return f"/projects/{part(project)}/alerts"


def alert(project: str, alert_id: int, act: str) -> str:
    """Where a button of an alert sends to."""
    return f"/projects/{part(project)}/alerts/{alert_id}/{act}"


def costs(project: str) -> str:
    return f"/projects/{part(project)}/costs"


def estimate(project: str, metric: str) -> str:
    """What an audit of a metric may cost, for its card."""
    return f"/projects/{part(project)}/metrics/{part(metric)}/estimate"


def insight(
    project: str,
    insight_id: int,
    view: str | None = None,
    group: str = "",
    sort: str | None = None,
) -> str:
    """One audit in full; with a group (a theme's ID, or `unassigned`), at that group.

    Args:
        sort: `severity`, or None for the order of the audit: themes by their calls.
    """
    anchor = f"#{group_anchor(insight_id, group)}" if group else ""
    return _with_query(insight_path(project, insight_id), view=view, sort=sort) + anchor


def group_calls(project: str, insight_id: int, group: str, view: str | None = None) -> str:
    path = f"/projects/{part(project)}/insights/{insight_id}/groups/{part(group)}/calls"
    return _with_query(path, view=view)


def export(project: str, insight_id: int, format: str) -> str:
    return f"/projects/{part(project)}/insights/{insight_id}.{format}"


def evidence(project: str, call_id: str, insight_id: int, turn: int | None) -> str:
    """A call's page at the turn that holds a quote, or at the judges' words where none does."""
    anchor = "#_judges" if turn is None else f"#turn-{turn}"
    return call(project, call_id, insight_id) + anchor


def call(project: str, call_id: str, insight_id: int | None = None) -> str:
    """A call's page; with an insight, that one's quotes are marked."""
    calls = f"/projects/{part(project)}/calls"
    # Browsers take these two for steps in the path, however they are encoded, and the router
    # lets no line break into a path.
    if call_id in (".", "..") or any(char in call_id for char in "\r\n"):
        return _with_query(calls, call_id=call_id, insight=insight_id)
    query = "" if insight_id is None else f"?insight={insight_id}"
    return f"{calls}/{part(call_id)}{query}"


def run(dagster_url: str, run_id: str) -> str:
    """A run in Dagster's own pages."""
    return f"{dagster_url.rstrip('/')}/runs/{part(run_id)}"
