"""Asking for audits, and reading insights: joined, paged, filtered, as a view sees them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from failure_insights_tests.web.api_site import INSIGHTS, NOW, Site, site_of

TODAY = NOW.date()
CLINIC = INSIGHTS.format("clinic")


@pytest.fixture
def site(engine: Engine) -> Site:
    return site_of(engine)


def test_a_request_is_a_row_in_the_queue_and_says_where_to_poll(site: Site) -> None:
    body = {"metric_name": "Hallucination", "window_days": 7, "max_calls": 100}
    answer = site.post(f"{CLINIC}/", body)
    assert answer.status_code == 202
    row = answer.json()
    assert (row["status"], row["trigger"], row["failure_modes"]) == ("pending", "request", [])
    assert {key: row[key] for key in body} == body
    assert site.get(answer.headers["Location"]).json() == row


@pytest.mark.parametrize("header", ["Authorization", "X-CEKURA-API-KEY"])
def test_a_cekura_client_needs_only_another_host_and_key(site: Site, header: str) -> None:
    key = site.keys["clinic"]
    headers = {header: f"Bearer {key}" if header == "Authorization" else key}
    body = (
        '{\n    "metric_name": "Hallucination",\n    "window_days": 7,\n    "max_calls": 100\n  }'
    )
    sent = site.client.post(
        f"{CLINIC}/", content=body, headers=headers | {"Content-Type": "application/json"}
    )
    assert sent.status_code == 202
    polled = site.client.get(f"{CLINIC}/{sent.json()['id']}/", headers=headers)
    assert polled.json()["status"] == "pending"


def test_the_same_request_joins_the_open_one_and_another_does_not(site: Site) -> None:
    first = site.post(CLINIC, {"metric_name": "Hallucination"})
    same = site.post(CLINIC, {"metric_name": "hallucination", "window_days": None})
    other = site.post(CLINIC, {"metric_name": "Hallucination", "window_days": 3})
    assert (first.status_code, same.status_code, other.status_code) == (202, 200, 202)
    assert same.json()["id"] == first.json()["id"] != other.json()["id"]


def test_two_hundred_requests_at_once_are_one_audit(site: Site) -> None:
    body = {"metric_name": "CSAT", "max_calls": 50}
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: site.post(CLINIC, body), range(200)))
    assert sorted(answer.status_code for answer in answers) == [200] * 199 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"metric_name": "Nonsense"}, 404, "there is no metric 'Nonsense'"),
        ({"metric_name": "Latency"}, 422, "computed by code"),
        ({}, 422, "body.metric_name: Field required"),
        ({"metric_name": ""}, 422, "body.metric_name"),
        ({"metric_name": "CS\x00AT"}, 422, "body.metric_name"),
        ({"metric_name": "CSAT", "window_days": 0}, 422, "body.window_days"),
        ({"metric_name": "CSAT", "window_days": 91}, 422, "body.window_days"),
        ({"metric_name": "CSAT", "window_days": True}, 422, "body.window_days"),
        ({"metric_name": "CSAT", "max_calls": 1001}, 422, "body.max_calls"),
        ({"metric_name": "CSAT", "max_calls": "40"}, 422, "body.max_calls"),
        ({"metric_name": "CSAT", "window_day": 7}, 422, "body.window_day"),
        ([], 422, "body"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_with_the_reason(
    site: Site, body: object, status: int, reason: str
) -> None:
    answer = site.post(CLINIC, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]
    with site.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM insights")).scalar() == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"metric_name": "\xff"}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(site: Site, content: bytes) -> None:
    headers = site.bearer("clinic") | {"Content-Type": "application/json"}
    assert site.client.post(CLINIC, content=content, headers=headers).status_code == 422


def test_a_list_is_newest_first_and_filtered(site: Site) -> None:
    done = site.succeeded_insight(TODAY)
    waiting = site.open_insight(TODAY)
    site.open_insight(TODAY, project="bank")
    ids = {
        "all": {},
        "status": {"status": "succeeded"},
        "name": {"metric_name": "Hallucination"},
        "slug": {"metric_name": "csat"},
        "other words": {"metric_name": "?!"},
        "none": {"metric_name": "csat", "status": "failed"},
    }
    found = {
        name: [row["id"] for row in site.get(CLINIC, **query).json()["results"]]
        for name, query in ids.items()
    }
    assert found == {
        "all": [waiting, done],
        "status": [done],
        "name": [done],
        "slug": [waiting],
        "other words": [],
        "none": [],
    }


def test_following_next_reads_every_row_once_while_rows_arrive(site: Site) -> None:
    expected = [site.open_insight(TODAY - timedelta(days=day)) for day in range(7)][::-1]
    read: list[int] = []
    address: str | None = f"{CLINIC}/?page_size=3"
    while address:
        page = site.get(address).json()
        assert page["count"] == len(expected)
        read += [row["id"] for row in page["results"]]
        address = page["next"]
        site.open_insight(TODAY)
    assert read == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("localhost:8123", "http://localhost:8123"),
        ("evil.example", "https://insights.example"),
    ],
)
def test_links_lead_to_the_public_address_whatever_host_is_named(
    engine: Engine, host: str, expected: str
) -> None:
    site = site_of(engine, public_url="https://insights.example/")
    for day in range(2):
        site.open_insight(TODAY - timedelta(days=day))
    page = site.client.get(
        f"{CLINIC}/?page_size=1", headers={**site.bearer("clinic"), "Host": host}
    ).json()
    assert page["next"].startswith(f"{expected}{CLINIC}/?page=2&page_size=1")


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": "x"},
        {"page_size": 101},
        {"status": "done"},
        {"max_id": 2**63},
        {"metric_name": "\x00"},
    ],
)
def test_a_bad_query_is_refused(site: Site, query: dict[str, object]) -> None:
    assert site.get(CLINIC, **query).status_code == 422


def test_a_view_shows_only_the_metrics_and_calls_of_its_agents(site: Site) -> None:
    with site.engine.begin() as connection:
        connection.execute(
            text(
                "WITH view AS (INSERT INTO views (project_id, slug, name)"
                " SELECT id, 'desk', 'Desk' FROM projects WHERE slug = 'clinic' RETURNING *)"
                " INSERT INTO view_agents SELECT view.id, agent.id, view.project_id"
                " FROM view JOIN agents AS agent USING (project_id)"
                " WHERE agent.name = 'front-desk'"
            )
        )
    site.open_insight(TODAY, metric="csat")
    yesterday = site.succeeded_insight(TODAY - timedelta(days=1))
    whole_id = site.succeeded_insight(TODAY)

    listed = site.get(CLINIC, view="Desk").json()["results"]
    assert [row["id"] for row in listed] == [whole_id, yesterday]
    row = site.get(f"{CLINIC}/{whole_id}", view="desk").json()
    assert row == listed[0]

    assert row["num_failing_calls"] == 4
    (mode,) = row["failure_modes"]
    assert (mode["count"], mode["share"]) == (2, 0.5)
    assert sorted(mode["call_ids"]) == ["a 2", "a/1"]
    assert [item["call_id"] for item in mode["evidence"]] == ["a/1"]
    assert [day["count"] for day in mode["history"]] == [2, 2]
    assert row["unassigned_call_ids"] == ["a3"]
    assert [error["call_id"] for error in row["suspected_judge_errors"]] == ["a4"]

    whole = site.get(f"{CLINIC}/{whole_id}").json()
    assert whole["num_failing_calls"] == 7
    assert [day["count"] for day in whole["failure_modes"][0]["history"]] == [3, 3]
    assert site.get(CLINIC, view="nobody").status_code == 404
