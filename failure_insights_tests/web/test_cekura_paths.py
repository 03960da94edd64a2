"""Cekura's paths: who may see what, both forms of a path, and what is refused."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from failure_insights_tests.web.api_site import NOW, Site, site_of

INSIGHTS = "/observability/v1/metric-failure-mode-insights"
CALLS = "/observability/v1/call-logs"


@pytest.fixture
def site(engine: Engine) -> Site:
    site = site_of(engine)
    site.succeeded_insight(NOW.date())
    return site


def first(site: Site, path: str) -> dict[str, Any]:
    found = site.get(path).json()
    row: dict[str, Any] = (found["results"] if isinstance(found, dict) else found)[0]
    return row


def test_another_key_sees_nothing_and_changes_nothing(site: Site) -> None:
    metric = first(site, "/test_framework/v1/metrics/")["id"]
    for path in (
        f"/user/v1/projects/{first(site, '/user/v1/projects/')['id']}",
        f"/test_framework/v2/aiagents/{first(site, '/test_framework/v2/aiagents/')['id']}",
        f"/test_framework/v1/metrics/{metric}",
        f"{INSIGHTS}/{first(site, INSIGHTS)['id']}",
        f"{CALLS}/{first(site, CALLS)['id']}",
    ):
        for address in (path, f"{path}/"):
            assert site.get(address).status_code == 200, address
            assert site.get(address, "bank").status_code == 404, address
    for path in (INSIGHTS, "/test_framework/v1/metrics"):
        rows = site.get(path, "bank").json()
        assert not [row for row in rows if row["id"] in (metric, first(site, INSIGHTS)["id"])]
    assert site.get(CALLS, "bank").json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }
    call = first(site, CALLS)["id"]
    refused = site.client.delete(f"{CALLS}/{call}/", headers=site.bearer("bank"))
    assert refused.status_code == 404
    assert site.post(f"{INSIGHTS}/generate/", {"metric": metric}, "bank").status_code == 404
    assert site.get(f"{CALLS}/{call}").status_code == 200


def test_calls_are_filtered_and_paged(site: Site) -> None:
    def ids(**query: Any) -> list[str]:
        page = site.get(CALLS, **query).json()
        return [row["call_id"] for row in page["results"]]

    assert len(ids()) == 7
    assert ids(call_ids="b1, a 2") == ["b1", "a 2"]
    assert ids(timestamp_from="2026-11-25") == ids(success=True) == []
    assert len(ids(timestamp_from="2026-11-24", timestamp_to="2026-11-24")) == 7
    second = site.get(CALLS, page=2, page_size=5).json()
    assert (len(second["results"]), second["count"], second["next"]) == (2, 7, None)
    assert "page=1" in second["previous"]


def test_a_project_that_kept_cekura_s_number_as_its_name_is_found_by_it(site: Site) -> None:
    key = site.keys["all"]
    headers = {"X-CEKURA-API-KEY": key}
    body = {"call_id": "c", "agent": "x", "project": "1376", "transcript_json": []}
    assert site.client.post("/observability/v1/observe", json=body, headers=headers).is_success
    named = site.get("/user/v1/projects/1376", "all").json()
    assert named["name"] == "1376" != str(named["id"])


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        (CALLS, {"filters_v2": "{}"}, "filters_v2"),
        (CALLS, {"timestamp_from": "yesterday"}, "timestamp_from"),
        (f"{INSIGHTS}/categories", {"agent_ids": "x"}, "agent_ids"),
        (f"{INSIGHTS}/failure-rates", {"project": 0}, "project"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    site: Site, path: str, query: dict[str, Any], said: str
) -> None:
    refused = site.get(path, **query)
    assert refused.status_code == 422
    assert said in refused.json()["detail"]


def test_an_insight_that_is_under_way_is_not_deleted(site: Site) -> None:
    row = site.post(f"{INSIGHTS}/generate", {"metric_name": "CSAT", "window_days": 3}).json()
    path = f"{INSIGHTS}/{row['id']}"
    refused = site.client.delete(path, headers=site.bearer("clinic"))
    assert (refused.status_code, "under way" in refused.json()["detail"]) == (422, True)
    assert site.get(path).json()["status"] == "pending"


def test_an_id_is_meant_where_another_s_name_is_its_digits(site: Site) -> None:
    hallucination = first(site, INSIGHTS)["metric"]
    site.put(f"/api/projects/clinic/metrics/N%20{hallucination}/", {})
    with site.engine.begin() as connection:
        connection.execute(
            text("UPDATE metrics SET name = :name, slug = :name WHERE slug = :slug"),
            {"name": str(hallucination), "slug": f"n-{hallucination}"},
        )
    asked = site.post(f"{INSIGHTS}/generate", {"metric": hallucination}).json()
    assert asked["metric_name"] == "Hallucination"
    call = first(site, CALLS)["id"]
    vote = {"metric_id": hallucination, "thumbs_up": True}
    marked = site.post(f"{CALLS}/{call}/mark_metric_vote", vote).json()
    assert (marked["verdict"], marked["metric_name"]) == ("stands", "Hallucination")
    elsewhere = site.metric_id("bank", "hallucination")
    refused = site.post(f"{CALLS}/{call}/mark_metric_vote", {**vote, "metric_id": elsewhere})
    assert refused.status_code == 404
