"""What pages and API say of costs: an estimate beside Generate, sums, a cap, a paused card."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights.web.app import create_app
from failure_insights.web.auth.sign_in_link import make_sign_in_link
from failure_insights.web.pages import links
from failure_insights_tests.web.api_site import site_of
from failure_insights_tests.web.sample import Sample, Theme

AGENT = {"openai_api_key": "sk-test", "model": "gpt-5-mini", "auditor": "agent"}


def spending(engine: Engine) -> Sample:
    """Return a project whose audits by the agent cost 3 cents in all, and one was paused."""
    sample = Sample.make(engine)
    outcome, csat = sample.metric("Expected Outcome"), sample.metric("CSAT")
    for days_ago, cost in ((1, 0.01), (0, 0.02)):
        sample.audit(
            outcome,
            [Theme("Wrong day", 12)],
            days_ago=days_ago,
            auditor="agent",
            model="gpt-5-mini",
            cost=cost,
        )
    sample.audit(
        csat,
        [Theme("Rude", 4)],
        prefix="csat-",
        degraded=True,
        paused=True,
        message="The monthly cap of $0.03 for this project is reached.",
    )
    return sample


def test_pages_say_what_was_spent_what_is_next_and_why_a_card_is_paused(
    engine: Engine, tmp_path: Path
) -> None:
    sample = spending(engine)
    settings = Settings(_env_file=None, home=tmp_path, **AGENT)
    client = TestClient(create_app(engine, settings), base_url="http://127.0.0.1")
    client.headers["Sec-Fetch-Site"] = "same-origin"
    client.get(make_sign_in_link(settings, "http://127.0.0.1"))
    cards = client.get(links.insights(sample.slug)).text
    assert links.estimate(sample.slug, "expected-outcome") in cards
    assert "<strong>Paused.</strong> The monthly cap" in cards
    assert "<span>$0.02</span>" in cards
    estimate = client.get(links.estimate(sample.slug, "expected-outcome")).text
    assert estimate.split() == ["about", "$0.01", "to", "$0.02"]
    page = client.post(links.costs(sample.slug), data={"cap": "0.031"}).text
    assert "<strong>$0.03</strong> this month of $0.03" in page
    assert "<strong>Paused.</strong> The monthly cap of $0.03 for this project is reached" in page
    assert f"{datetime.now(UTC):%B %Y}" in page
    assert "Paused" not in client.post(links.costs(sample.slug), data={"cap": ""}).text
    assert client.post(links.costs(sample.slug), data={"cap": "much"}).status_code == 422


def test_without_an_llm_no_card_asks_what_it_may_cost(engine: Engine, tmp_path: Path) -> None:
    sample = spending(engine)
    settings = Settings(_env_file=None, home=tmp_path, auditor="wording")
    client = TestClient(create_app(engine, settings), base_url="http://127.0.0.1")
    client.get(make_sign_in_link(settings, "http://127.0.0.1"))
    assert "/estimate" not in client.get(links.insights(sample.slug)).text


def test_a_cap_is_set_and_taken_off_over_the_api(engine: Engine) -> None:
    site = site_of(engine, **AGENT)
    path = "/api/projects/clinic/costs/"
    assert site.get(path).json()["monthly_cap"] is None
    assert site.put(f"{path}cap/", {"monthly_cap": 12.5}).json()["monthly_cap"] == 12.5
    assert site.get(path).json()["cap_of_all_projects"] is None
    assert site.put(f"{path}cap/", {"monthly_cap": None}).json()["monthly_cap"] is None
    assert site.put(f"{path}cap/", {"monthly_cap": -1}).status_code == 422
    assert site.put(f"{path}cap/", {"monthly_cap": 1}, key="bank").status_code == 404
    asked = site.get(f"{path}estimate/", metric_name="Hallucination", window_days=90).json()
    assert asked["basis"] in ("length_of_calls", "no_calls")
    assert site.get(f"{path}estimate/", metric_name="Latency").status_code == 422


@pytest.mark.parametrize("project", ["clinic", "bank"])
def test_costs_of_a_project_without_audits_are_nothing(engine: Engine, project: str) -> None:
    site = site_of(engine, **AGENT)
    row = site.get(f"/api/projects/{project}/costs/", key=project).json()
    assert (row["spent_this_month"], row["months"], row["paused"]) == (0.0, [], None)
