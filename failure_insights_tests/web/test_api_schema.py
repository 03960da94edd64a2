"""Schemathesis over the OpenAPI document: whatever is sent, the API answers as it says."""

import re
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights.web.api.app import create_api
from failure_insights.web.api.examples import EXAMPLES
from failure_insights.web.app import create_app
from failure_insights_tests.web.api_site import NOW, site_of

pytestmark = pytest.mark.slow

DOCUMENT = create_api(Settings()).openapi()
OPERATIONS = [
    (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
]

#: What a schema cannot say: a name that a key can be made of, agents that exist, a pass rule.
KNOWS_MORE = [
    "/api/projects/{project}/alerts/",
    "/api/projects/{project}/alerts/{alert_id}/",
    "/api/projects/{project}/alerts/{alert_id}/test/",
    "/api/projects/{project}/digests/",
    "/api/projects/{project}/metrics/{name}/",
    "/api/projects/{project}/views/{name}/",
    "/api/projects/{project}/themes/{theme_id}/",
    "/observability/v1/observe/",
    "/observability/v1/{kind}/observe/",
    "/observability/v1/{kind}/observe/{address}/",
]
#: Asked for without a body.
BODYLESS = ["/api/projects/{project}/alerts/{alert_id}/test/"]
#: A bad call is named in the report, as in an import; the request as a whole is fine.
TAKES_ALL = ["/api/projects/{project}/calls/"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_makes_a_server_error_or_an_undocumented_answer(
    engine: Engine, method: str, path: str
) -> None:
    site = site_of(engine, requests_per_minute=10_000_000)
    site.succeeded_insight(NOW.date())
    schema = schemathesis.openapi.from_asgi("/openapi.json", site.client.app)
    operation = schema[path][method]
    # Requests that fit the document, and requests that break it.
    cases = [operation.as_strategy(mode) for mode in schemathesis.GenerationMode]
    excluded = [positive_data_acceptance] if path in KNOWS_MORE else []
    excluded += [negative_data_rejection] if path in TAKES_ALL else []

    @given(case=st.one_of(cases))
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def answers_as_documented(case: Any) -> None:
        if "project" in case.path_parameters:
            # Made-up projects do not exist; behind one that does there is more to break.
            case.path_parameters["project"] = "clinic"
        case.call_and_validate(headers=site.bearer("clinic"), excluded_checks=excluded)

    answers_as_documented()


ROWS_AND_BODIES = {kind.__name__.removesuffix("Row"): kind for kind in EXAMPLES}


@pytest.mark.parametrize(("method", "path"), [o for o in OPERATIONS if o[1] != "/healthz"])
def test_every_body_and_answer_has_an_example_that_fits_it(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method.lower()]
    holders = [answer for status, answer in operation["responses"].items() if status < "500"]
    if method not in ("GET", "DELETE") and path not in BODYLESS:
        holders.append(operation["requestBody"])
    for holder in holders:
        for content in holder["content"].values():
            name = content["schema"].get("$ref", "").rsplit("/", 1)[-1]
            if name:
                (shown,) = DOCUMENT["components"]["schemas"][name]["examples"]
                TypeAdapter(ROWS_AND_BODIES[name]).validate_python(shown)
            else:
                assert content["example"]


def test_no_word_of_our_own_for_a_row_is_in_the_document() -> None:
    names = DOCUMENT["components"]["schemas"]
    assert {"Insight", "FailureMode", "Evidence", "Call", "MetricCard", "View"} <= names.keys()
    assert not [name for name in names if name.endswith("Row")]


def test_the_docs_page_shows_every_endpoint_and_needs_nothing_from_elsewhere() -> None:
    page = TestClient(create_app()).get("/docs").text
    for method, path in OPERATIONS:
        assert f"<code>{method} {path}</code>" in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
