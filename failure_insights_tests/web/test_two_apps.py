"""One address, two applications: which of them answers, and how each says what is wrong."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from starlette.routing import Router

from failure_insights.settings import Settings
from failure_insights.web import app
from failure_insights.web.api.app import API_PARTS, create_api
from failure_insights.web.pages.app import create_pages
from failure_insights_tests.web.api_site import Site, site_of

PROBLEM, PAGE = "application/problem+json", "text/html; charset=utf-8"


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Site:
    return site_of(engine, home=tmp_path)


def paths_of_pages() -> list[str]:
    document = create_pages(Settings())
    document.openapi_url = "/openapi.json"
    return [*document.openapi()["paths"]]


def test_no_page_has_an_address_of_the_api() -> None:
    cekura = {"observability", "test_framework", "user", "dashboards", "schedules", "slack"}
    assert {"api", "docs", "openapi.json", "healthz", "mcp"} | cekura == API_PARTS
    assert not {path.split("/")[1] for path in paths_of_pages()} & API_PARTS
    assert {path.split("/")[1] for path in create_api(Settings()).openapi()["paths"]} <= API_PARTS


@pytest.mark.parametrize(
    ("path", "key", "status", "kind"),
    [
        ("/api", "", 401, PROBLEM),
        ("/api/nothing", "", 401, PROBLEM),
        ("/api/nothing", "clinic", 404, PROBLEM),
        ("/observability/nothing", "clinic", 404, PROBLEM),
        ("/docs/nothing", "", 401, PROBLEM),
        ("/apis", "", 404, PAGE),
        ("/nothing", "clinic", 404, PAGE),
        ("/projects/a%0Ab/calls/c%0D%0Ad", "", 404, PAGE),
        ("//api/projects/", "clinic", 404, PAGE),
        ("/docs", "", 200, PAGE),
        ("/sign-in", "", 200, PAGE),
    ],
)
def test_each_application_says_what_is_wrong_in_its_own_form(
    site: Site, path: str, key: str, status: int, kind: str
) -> None:
    headers = site.bearer(key) if key else {}
    answer = site.client.get(f"http://testserver{path}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_method_that_a_page_does_not_take_is_told_on_a_page(site: Site, method: str) -> None:
    answer = site.client.request(method, "/sign-in")
    assert (answer.status_code, answer.headers["content-type"]) == (405, PAGE)


@pytest.mark.parametrize(("path", "kind"), [("/healthz", PROBLEM), ("/sign-in?token=x", PAGE)])
def test_a_fault_of_ours_is_told_without_its_words(
    site: Site, path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("failure_insights.web.api.health.require_answer", fail)
    monkeypatch.setattr("failure_insights.web.pages.sign_in.redeem_link", fail)
    answer = TestClient(site.client.app, raise_server_exceptions=False).get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (500, kind)
    assert "RuntimeError" in answer.text
    assert "a secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_every_problem_has_a_code_for_programs(site: Site) -> None:
    path = "/api/projects/clinic/metric_failure_mode_insights/"
    codes = {
        "no_key_in_force": site.client.get(path),
        "unknown_project": site.get(path, "bank"),
        "not_found": site.get("/api/nothing/"),
        "method_not_allowed": site.client.delete(path, headers=site.bearer("clinic")),
        "bad_input": site.get(path, page=0),
        "metric_not_eligible": site.post(path, {"metric_name": "Latency"}),
    }
    assert {code: answer.json()["code"] for code, answer in codes.items()} == {
        code: code for code in codes
    }


def test_the_application_has_its_old_name_too_and_is_made_when_it_is_asked_for() -> None:
    assert "app" not in vars(app)
    assert isinstance(app.app, Router)
    with pytest.raises(AttributeError):
        app.nothing  # noqa: B018
