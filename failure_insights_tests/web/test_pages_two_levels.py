"""Pages show both levels, what stands beside the themes, and themes by how bad they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from failure_insights.domain.breakdown import FailureMode
from failure_insights.settings import Settings
from failure_insights.web.app import create_app
from failure_insights.web.auth.sign_in_link import make_sign_in_link
from failure_insights_tests.pipeline.test_two_levels import audit, take_in


@pytest.fixture
def client(engine: Engine, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path)
    with TestClient(create_app(engine, settings)) as client:
        client.get(make_sign_in_link(settings, "http://testserver"))
        yield client


def page(client: TestClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def test_an_audit_shows_causes_severity_and_what_stands_beside(
    engine: Engine, client: TestClient
) -> None:
    take_in(engine)
    text = page(client, f"/projects/clinic/insights/{audit(engine)}")
    for words in (
        "Reads old hours",
        "Knows no holiday",
        ">High<",
        "Callers stay away.",
        "At work too in",
        "of other causes",
        "Hangs up early",
        "about the metric, not the agent",
        "Nothing that the agent could see called for",
        "not read",
        "suspected judge error",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("call_id", "words"),
    [("a", "Theme:"), ("d", "Other cause"), ("g", "Not read"), ("j", "About the metric")],
)
def test_a_call_says_which_group_it_is_in(
    engine: Engine, client: TestClient, call_id: str, words: str
) -> None:
    take_in(engine)
    insight_id = audit(engine)
    assert words in page(client, f"/projects/clinic/calls/{call_id}?insight={insight_id}")


def test_themes_are_sorted_by_calls_or_by_severity(engine: Engine, client: TestClient) -> None:
    take_in(engine)
    worse = FailureMode("Books twice", "It does.", ("f",), severity="critical")
    insight_id = audit(engine, more=worse)
    by_calls = page(client, f"/projects/clinic/insights/{insight_id}")
    by_severity = page(client, f"/projects/clinic/insights/{insight_id}?sort=severity")
    assert by_calls.index("Wrong opening hours") < by_calls.index("Books twice")
    assert by_severity.index("Books twice") < by_severity.index("Wrong opening hours")
