"""Define the API's answers that are no rows of the store: lists in pages, reports, problems."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from failure_insights.alerts.messages import Message
from failure_insights.export.theme_tests import ThemeTest
from failure_insights.ingest.report import Status
from failure_insights.store.alerts import AlertMessageRow, AlertRuleRow
from failure_insights.store.calls import MetricResultRow
from failure_insights.store.digests import DigestRow
from failure_insights.store.documented import documented
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.project_lists import AgentRow, MetricCardRow
from failure_insights.store.projects import ProjectRow, ViewRow
from failure_insights.store.result_marks import JudgeErrorRateRow, MarkRow
from failure_insights.store.theme_acts import ActRow
from failure_insights.store.theme_lists import ThemeRow


class FieldProblem(TypedDict):
    """A field of a request that could not be read, and why."""

    field: str
    reason: str


@documented
class Problem(TypedDict):
    """RFC 9457. `errors` names each bad field of a request that could not be read."""

    type: str
    title: str
    status: int
    code: str
    """For programs: it stays where `detail` is reworded."""
    detail: str
    errors: NotRequired[list[FieldProblem]]


class Listing(TypedDict):
    """A page of a list. `next` and `previous` are whole addresses, or null at the ends."""

    count: int
    next: str | None
    previous: str | None


class InsightList(Listing):
    results: list[InsightRow]


class ThemeList(Listing):
    results: list[ThemeRow]


class ActList(Listing):
    results: list[ActRow]


class MarkList(Listing):
    results: list[MarkRow]


class JudgeErrorRates(TypedDict):
    """A metric's judge error rates by week, the newest first."""

    metric_name: str
    results: list[JudgeErrorRateRow]


class MetricList(Listing):
    results: list[MetricCardRow]


class ViewList(Listing):
    results: list[ViewRow]


class AgentList(Listing):
    results: list[AgentRow]


class DigestList(Listing):
    results: list[DigestRow]


@documented
class ThemeTestList(TypedDict):
    """Tests of a theme."""

    expected: str
    """What should have happened, in each of them."""
    results: list[ThemeTest]


class AlertList(TypedDict):
    """All alerts of a project."""

    results: list[AlertRuleRow]


class AlertMessageList(TypedDict):
    """An alert's newest messages."""

    results: list[AlertMessageRow]


@documented
class AlertPreview(TypedDict):
    """A message as it would go out, or has just gone."""

    has_message: bool
    """False: there is nothing to tell."""
    title: str
    text: str
    """What people read."""
    payload: dict[str, Any]
    """What a webhook gets, beside title and text."""


class ProjectList(Listing):
    results: list[ProjectRow]


class About(TypedDict):
    """What people write about a project, for auditors."""

    about: str


@documented
class ImportedLine(TypedDict):
    """What became of one line, or of one item of a list."""

    line: int
    """From 1."""
    status: Status
    call_id: str | None
    reason: str | None
    """Why it was rejected or passed over."""


@documented
class ImportReport(TypedDict):
    """How many calls were new, changed, the same, or refused, and what became of each."""

    new: int
    updated: int
    unchanged: int
    rejected: int
    passed_over: Mapping[str, int]
    """Events that are no end of a call, by reason."""
    left_out: Mapping[str, int]
    """What could not be taken of calls that were, by kind."""
    unjudged: list["UnjudgedMetric"]
    without_turns: int
    """Calls that have no transcript."""
    without_results: int
    """Calls that have no metric result, so that nothing of them is audited."""
    told: list[str]
    """New names whose slug is another's, and the slugs that they have."""
    results: list[ImportedLine]


@documented
class UnjudgedMetric(TypedDict):
    """A metric with scores that no pass rule judges yet; a rule on its card will."""

    metric: str
    results: int


@documented
class Observed(TypedDict):
    """The call as it is stored now, in Cekura's words, and whether this request changed it."""

    id: int
    call_id: str
    project: str
    agent: str
    timestamp: datetime
    call_ended_reason: str | None
    metadata: Mapping[str, Any]
    metrics: list[MetricResultRow]
    status: Literal["new", "updated", "unchanged"]
    left_out: Mapping[str, int]
    """What could not be taken as it was, by kind."""
    ignored: list[str]
    """Fields of the request that nothing was done with."""


@documented
class Delivered(TypedDict):
    """What became of a provider's delivery. An event that is no end of a call is passed over."""

    status: Literal["new", "updated", "unchanged", "passed_over"]
    reason: NotRequired[str]
    """Why it was passed over."""
    id: NotRequired[int]
    """The call's number."""
    call_id: NotRequired[str]
    project: NotRequired[str]
    agent: NotRequired[str]
    left_out: NotRequired[Mapping[str, int]]
    """What could not be taken as it was, by kind."""


class Health(TypedDict):
    """Whether the API and its database answer."""

    status: Literal["ok"]


def preview_of(message: Message | None) -> AlertPreview:
    """Return a message as the API shows it; None: there is nothing to tell."""
    if message is None:
        return {"has_message": False, "title": "", "text": "", "payload": {}}
    return {
        "has_message": True,
        "title": message.title,
        "text": message.body,
        "payload": message.payload,
    }
