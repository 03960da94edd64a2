"""Alerts over the pages and the API: added, previewed, tested against a receiver, removed."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights.web.app import create_app
from failure_insights.web.auth.sign_in_link import make_sign_in_link
from failure_insights.web.pages import links
from failure_insights_tests.alerts.receivers import web_receiver
from failure_insights_tests.web.api_site import site_of
from failure_insights_tests.web.sample import Sample, Theme

FORM = {
    "name": "Mornings <b>",
    "kind": "new_theme",
    "channel": "webhook",
    "address_env": "ALERT_TEST_URL",
    "secret_env": "ALERT_TEST_SECRET",
    "number": "3",
}


def test_an_alert_is_added_previewed_tested_and_removed_by_its_page(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Sample.make(engine)
    sample.audit(sample.metric("CSAT"), [Theme("Fresh <i>", 5)])
    settings = Settings(home=tmp_path)
    client = TestClient(create_app(engine, settings), base_url="http://127.0.0.1")
    client.headers["Sec-Fetch-Site"] = "same-origin"
    client.get(make_sign_in_link(settings, "http://127.0.0.1"))
    here = links.alerts(sample.slug)
    refused = client.post(here, data={**FORM, "address_env": "PATH"})
    assert refused.status_code == 422
    assert "begins with ALERT_" in refused.text
    page = client.post(here, data=FORM).text
    assert "Mornings &lt;b&gt;" in page
    assert "from 3 calls" in page
    shown = client.post(links.alert(sample.slug, 1, "preview")).text
    assert "Fresh i (CSAT): new, 5 calls" in shown
    assert "ALERT_TEST_URL is not set" in client.post(links.alert(sample.slug, 1, "test")).text
    with web_receiver() as web:
        monkeypatch.setenv("ALERT_TEST_URL", web.url)
        monkeypatch.setenv("ALERT_TEST_SECRET", "s")
        assert "The test went out." in client.post(links.alert(sample.slug, 1, "test")).text
    assert [request.json["type"] for request in web.got] == ["failure_insights.test"]
    assert ">Off<" in client.post(links.alert(sample.slug, 1, "off")).text
    assert "Nobody is told" in client.post(links.alert(sample.slug, 1, "remove")).text


def test_an_alert_is_another_projects_to_nobody_else(engine: Engine) -> None:
    site = site_of(engine)
    body = {
        "name": "Mornings",
        "kind": "growing",
        "params": {"preset": "fast", "least": 4},
        "channel": "apprise",
        "address_env": "ALERT_UNSET",
    }
    path = "/api/projects/clinic/alerts/"
    added = site.post(path, body)
    assert added.status_code == 201
    row = added.json()
    assert row["params"] == {"recent_hours": 6, "baseline_hours": 72, "least": 4, "factor": 2.0}
    mine = f"{path}{row['id']}/"
    assert site.get(path).json()["results"] == [row]
    assert site.get(mine, key="bank").status_code == 404
    assert site.get(f"/api/projects/bank/alerts/{row['id']}/", key="bank").status_code == 404
    assert site.post(path, body).status_code == 422  # the name is taken
    changed = site.put(mine, {**body, "name": "Evenings", "enabled": False}).json()
    assert (changed["name"], changed["enabled"]) == ("Evenings", False)
    assert site.get(f"{mine}preview/").json()["has_message"] is False
    tested = site.post(f"{mine}test/", None)
    assert (tested.status_code, tested.json()["code"]) == (422, "alert_variable_unset")
    removed = site.client.delete(mine, headers=site.bearer("clinic"))
    assert removed.json()["name"] == "Evenings"
    assert site.get(mine).status_code == 404
