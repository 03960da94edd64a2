"""Say of what Cekura does and Failure Insights does not, that it is not done here."""

from collections.abc import Mapping

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from failure_insights.web.api.problems import problem
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter()

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_NO_TESTS = "Failure Insights reads production calls and runs no tests against agents."
_NO_JUDGE = "Failure Insights runs no metric: results come in with the calls."
_NO_CHARTS = "There are no dashboards of charts; the Insights page is at /."
_NO_ACCOUNTS = (
    "Organisations, accounts and their keys are not kept over HTTP; "
    "'failure-insights keys' makes and revokes keys on the machine."
)
_NO_MONEY = (
    "There are no credits; what audits cost in US dollars is at "
    "/api/projects/PROJECT/costs/ and in each row."
)

#: What answers for each kind of thing that Cekura's paths name, behind their version.
_SENTENCES: Mapping[str, str] = {
    "aiagents": "Agents are known from their calls; they are not configured here.",
    "alerts": "Of alerts only those about insights are done here.",
    "billing": _NO_MONEY,
    "call-logs": "Of call logs only list, get, delete and votes on metrics are done here.",
    "cron-jobs-external": _NO_TESTS,
    "critical-metric-scenarios": _NO_TESTS,
    "dashboards": _NO_CHARTS,
    "deep-research-insights": "Deep Research is done here as digests of what audits found.",
    "insight-reproduction-sessions": _NO_TESTS,
    "metric-failure-mode-insights": (
        "Of insights, scenarios and reproductions are not done here: "
        "Failure Insights runs no tests against agents."
    ),
    "metric-reviews": "There are no Labs; judge errors that people mark are listed with insights.",
    "metrics": _NO_JUDGE,
    "metrics-external": _NO_JUDGE,
    "organizations": _NO_ACCOUNTS,
    "personalities": _NO_TESTS,
    "phone-numbers": "Failure Insights makes no calls and holds no phone numbers.",
    "predefined-metrics": _NO_JUDGE,
    "projects": "A project is made by its first call or key, and is not changed over this path.",
    "results": _NO_TESTS,
    "results-external": _NO_TESTS,
    "runs": _NO_TESTS,
    "runs-external": _NO_TESTS,
    "scenario-improvement-sessions": _NO_TESTS,
    "scenarios": _NO_TESTS,
    "scenarios-external": _NO_TESTS,
    "slack-workspaces": "Slack is not connected over this path.",
    "test-profiles": _NO_TESTS,
    "test-profiles-external": _NO_TESTS,
    "test-sets": _NO_TESTS,
    "test-sets-external": _NO_TESTS,
    "user-api-key": _NO_ACCOUNTS,
    "widgets": _NO_CHARTS,
}


@router.api_route("/observability/{rest:path}", methods=_METHODS)
@router.api_route("/test_framework/{rest:path}", methods=_METHODS)
@router.api_route("/user/{rest:path}", methods=_METHODS)
@router.api_route("/dashboards/{rest:path}", methods=_METHODS)
@router.api_route("/schedules/{rest:path}", methods=_METHODS)
@router.api_route("/slack/{rest:path}", methods=_METHODS)
def not_done(caller: CallerOf, rest: str) -> Response:  # noqa: ARG001
    """Answer 501 with one sentence for what Cekura's API has, and 404 for anything else."""
    for part in rest.split("/"):
        if sentence := _SENTENCES.get(part):
            return problem(501, sentence)
    raise HTTPException(404, "there is nothing at this address")
