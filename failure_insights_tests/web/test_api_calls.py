"""Taking calls in, reading them back, and the cards and views of a project."""

import gzip
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine

from failure_insights.web.app import create_app
from failure_insights_tests.web.api_site import INSIGHTS, Site, site_of

CALLS = "/api/projects/clinic/calls/"


@pytest.fixture
def site(engine: Engine) -> Site:
    return site_of(engine)


def call(call_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "agent": "front-desk",
        "started_at": "2026-11-23T09:30:00Z",
        "transcript": [
            {"role": "user", "content": "Can I come on Friday?", "start_s": 0.5},
            {"role": "agent", "content": "We are closed on Fridays."},
        ],
        "metrics": [{"name": "Hallucination", "passed": False, "explanation": "It is open."}],
    } | fields


def send(site: Site, content: bytes | str, key: str = "clinic", path: str = CALLS) -> Any:
    return site.client.post(path, content=content, headers=site.bearer(key))


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["new"], report["updated"], report["unchanged"], report["rejected"]


def lines(*calls: object) -> str:
    return "\n".join(json.dumps(line) for line in calls)


@pytest.mark.parametrize("form", [lines, lambda *calls: json.dumps(calls, indent=2)])
def test_calls_come_as_lines_or_as_an_array_with_a_result_each(site: Site, form: Any) -> None:
    body = form(call("n1"), call("n2", agent="", transcript=3), call("n3"))
    answer = send(site, body)
    assert answer.status_code == 200
    report = answer.json()
    assert counts(report) == (2, 0, 0, 1)
    assert [(r["line"], r["status"], r["call_id"]) for r in report["results"]] == [
        (1, "new", "n1"),
        (2, "rejected", "n2"),
        (3, "new", "n3"),
    ]
    assert report["results"][1]["reason"]
    assert counts(send(site, body).json()) == (0, 0, 2, 1)
    later = [{"name": "CSAT", "passed": True}]
    assert counts(send(site, form(call("n1", metrics=later))).json()) == (0, 1, 0, 0)
    assert {m["name"] for m in site.get(f"{CALLS}n1").json()["metrics"]} == {
        "CSAT",
        "Hallucination",
    }


@pytest.mark.parametrize(
    ("body", "taken", "reason"),
    [
        (lines(call("n1")) + "\n{not json}\n\n" + lines(call("n2")), 2, "JSON"),
        ("[" + json.dumps(call("n1")) + ", {broken", 1, "JSON"),
        ("[" + json.dumps(call("n1")) + "] trailing", 1, "JSON"),
        (lines(call("n1")) + "\n[1, 2]", 1, "object"),
        (lines(call("n1", project="Clinic"), call("n2", project="bank")), 1, "bank"),
        (b'{"call_id": "\xff', 0, "JSON"),
        ("[" * 100_000, 0, "JSON"),
        ("{" * 100_000, 0, "JSON"),
    ],
)
def test_a_bad_line_is_named_and_the_good_ones_are_kept(
    site: Site, body: str, taken: int, reason: str
) -> None:
    report = send(site, body).json()
    assert counts(report) == (taken, 0, 0, 1)
    (bad,) = [result for result in report["results"] if result["status"] == "rejected"]
    assert reason in bad["reason"]


def test_a_report_tells_what_was_not_taken(site: Site) -> None:
    scored = [{"name": "Mood", "score": 2}, {"name": "C#", "passed": True}]
    body = [
        call("n1", metrics=scored, colour="red"),
        call("n2", transcript=[], metrics=[]),
        {"message": {"type": "status-update", "status": "ended", "call": {"id": "v"}}},
    ]
    report = send(site, gzip.compress(json.dumps({"calls": body}).encode("utf-16"))).json()
    assert counts(report) == (2, 0, 0, 0)
    assert report["left_out"] == {"fields passed over": 1}
    assert sum(report["passed_over"].values()) == 1
    assert report["unjudged"] == [{"metric": "Mood", "results": 1}]
    assert (report["without_turns"], report["without_results"]) == (1, 1)
    assert [result["status"] for result in report["results"]] == ["new", "new", "passed_over"]
    named = send(site, lines(body[2]), path=f"{CALLS}?format=native").json()
    assert counts(named) == (0, 0, 0, 1)
    assert send(site, "", path=f"{CALLS}?format=csv").status_code == 422
    card = {"pass_rule": ">= 2"}
    assert site.put("/api/projects/clinic/metrics/mood/", card).status_code == 200
    judged = site.get(f"{CALLS}n1").json()["metrics"]
    assert {result["name"]: result["passed"] for result in judged} == {"C#": True, "Mood": True}


def test_a_body_of_too_many_lines_is_read_no_further(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failure_insights.web.api.calls.MAX_LINES", 2)
    report = send(site, lines(call("n1"), call("n2"), call("n3"), call("n4"))).json()
    assert counts(report) == (2, 0, 0, 1)
    assert report["results"][-1]["reason"] == "more than 2 lines; nothing after them is read"


def test_an_empty_body_takes_nothing(site: Site) -> None:
    for body in ("", "\n\n", "[]", " [ ] "):
        assert counts(send(site, body).json()) == (0, 0, 0, 0)


def test_a_key_writes_only_into_its_own_projects(site: Site) -> None:
    body = lines(call("n1"))
    assert send(site, body, key="bank").status_code == 404
    assert send(site, body, path="/api/projects/elsewhere/calls/").status_code == 404
    assert site.get(f"{CALLS}n1").status_code == 404


def test_a_key_for_all_projects_makes_the_project_of_its_first_calls(site: Site) -> None:
    answer = send(site, lines(call("n1")), key="all", path="/api/projects/New Shop/calls/")
    assert counts(answer.json()) == (1, 0, 0, 0)
    assert site.get("/api/projects/new-shop/calls/n1/", key="all").status_code == 200


def test_a_body_of_more_than_50_megabytes_is_refused(site: Site) -> None:
    headers = site.bearer("clinic") | {"Content-Length": str(51 * 2**20)}
    declared = site.client.post(CALLS, headers=headers)
    # Sent in chunks a body does not say its length, and is counted as it comes.
    chunked = site.client.post(
        CALLS, content=iter([b" " * 2**20] * 51), headers=site.bearer("clinic")
    )
    assert "content-length" not in chunked.request.headers
    for answer in (declared, chunked):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert "larger than 50 MB" in answer.json()["detail"]


@pytest.mark.parametrize("call_id", ["a/b", "a/b/", "å b?c#d", "50%", "metrics/x", "..a", "a//b"])
def test_a_call_is_read_back_as_it_was_sent_whatever_its_id(site: Site, call_id: str) -> None:
    sent = call(call_id, duration_s=42.5, ended_reason="hangup", metadata={"big": 2**70, "n": 1.5})
    assert counts(send(site, lines(sent)).json()) == (1, 0, 0, 0)
    encoded = "".join(f"%{byte:02X}" for byte in call_id.encode())
    for end in ("", "/"):
        read = site.get(f"{CALLS}{encoded}{end}")
        assert read.status_code == 200
        body = read.json()
        assert {key: body[key] for key in sent if key not in ("metrics", "metadata")} == {
            key: value for key, value in sent.items() if key not in ("metrics", "metadata")
        }
        (result,) = body["metrics"]
        assert (result["passed"], result["explanation"]) == (False, "It is open.")


def test_a_metric_card_is_put_and_decides_what_is_audited(site: Site) -> None:
    path = "/api/projects/clinic/metrics/{}/"
    card = {"type": "llm_judge", "prompt": "Yes or no?", "pass_rule": ">=4", "score_type": "rating"}
    put = site.put(path.format("Yes%2FNo"), card)
    assert put.status_code == 200
    assert put.json() | {"prompt": "Yes or no?"} == put.json()
    assert (put.json()["name"], put.json()["slug"], put.json()["pass_rule"]) == (
        "Yes/No",
        "yes-no",
        ">= 4",
    )
    listed = site.get("/api/projects/clinic/metrics/").json()["results"]
    assert put.json() in listed
    assert [metric["name"] for metric in listed] == ["CSAT", "Hallucination", "Latency", "Yes/No"]
    assert [metric["is_eligible"] for metric in listed] == [True, True, False, True]

    site.put(path.format("Yes%2FNo"), {"type": "custom_code"})
    asked = site.post(INSIGHTS.format("clinic"), {"metric_name": "Yes/No"})
    assert (asked.status_code, asked.json()["code"]) == (422, "metric_not_eligible")
    scored = call("n1", metrics=[{"name": "Hallucination", "score": 2}])
    site.put(path.format("Hallucination"), {"pass_rule": ">= 3"})
    assert counts(send(site, lines(scored)).json()) == (1, 0, 0, 0)
    assert site.get(f"{CALLS}n1").json()["metrics"][0]["passed"] is False


@pytest.mark.parametrize(
    "card", [{"pass_rule": "good"}, {"type": "human"}, {"score_type": "stars"}, {"promt": "x"}]
)
def test_a_card_that_cannot_be_is_refused(site: Site, card: dict[str, str]) -> None:
    assert site.put("/api/projects/clinic/metrics/CSAT/", card).status_code == 422


def test_a_view_is_put_and_listed_with_its_agents(site: Site) -> None:
    path = "/api/projects/clinic/views/"
    for agents in (["front-desk", "night-line"], ["night-line"]):
        put = site.put(f"{path}At night", {"agents": agents})
        assert put.status_code == 200
        assert site.get(path).json()["results"] == [put.json()]
        view = put.json()
        assert (view["name"], view["slug"], view["agents"]) == ("At night", "at-night", agents)
    listed = site.get(INSIGHTS.format("clinic"), view="At night")
    assert listed.status_code == 200


def test_the_lists_hold_what_the_key_may_see(site: Site) -> None:
    def names(path: str, field: str, key: str = "clinic") -> list[str]:
        page = site.get(path, key).json()
        assert page["count"] == len(page["results"])
        return [row[field] for row in page["results"]]

    assert names("/api/projects/", "slug") == ["clinic"]
    assert names("/api/projects/", "slug", "all") == ["bank", "clinic"]
    assert names("/api/projects/clinic/agents/", "name") == ["front-desk", "night-line"]
    assert names("/api/projects/bank/agents/", "name", "bank") == []
    second = site.get("/api/projects/clinic/agents/", page=2, page_size=1).json()
    assert [row["name"] for row in second["results"]] == ["night-line"]
    assert (second["next"], second["count"]) == (None, 2)
    beyond = site.get("/api/projects/clinic/agents/", page=9, page_size=1).json()
    assert (beyond["results"], beyond["count"]) == ([], 2)


def test_an_integer_id_serves_wherever_a_slug_or_name_does(site: Site) -> None:
    (place,) = site.get("/api/projects/").json()["results"]
    project = f"/api/projects/{place['id']}"
    metric = site.get(f"{project}/metrics/").json()["results"][1]
    agent = site.get(f"{project}/agents/").json()["results"][1]
    stored = site.get(f"{project}/calls/b1/").json()
    assert (stored["project_id"], stored["agent_id"]) == (place["id"], agent["id"])
    assert [result["metric_id"] for result in stored["metrics"]] == [metric["id"]]
    assert site.get(f"{project}/calls/{stored['id']}/").json() == stored

    view = site.put(f"{project}/views/Night/", {"agents": [str(agent["id"])]}).json()
    assert view["agents"] == [agent["name"]]
    asked = site.post(f"{project}/metric_failure_mode_insights", {"metric_name": str(metric["id"])})
    row = asked.json()
    assert (row["project_id"], row["metric_id"]) == (place["id"], metric["id"])
    query = {"metric_name": metric["id"], "view": view["id"]}
    assert site.get(f"{project}/metric_failure_mode_insights/", **query).json()["count"] == 1
    # A number that is another key's project, or a name, means no ID.
    assert site.get(f"{project}/metrics/", "bank").status_code == 404
    send(site, lines(call(str(stored["id"]))))
    assert site.get(f"{project}/calls/{stored['id']}/").json()["call_id"] == str(stored["id"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/api/", "/api/nothing", "/api/projects/clinic/nothing/"])
def test_an_address_that_is_not_there_is_a_problem_too(site: Site, method: str, path: str) -> None:
    answer = site.client.request(method, path, headers=site.bearer("clinic"))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["projects/clinic/calls/a3/", "projects/", "projects/clinic/views/"]
)
def test_a_method_that_an_address_does_not_take_is_a_problem_too(site: Site, path: str) -> None:
    answer = site.client.delete(f"/api/{path}", headers=site.bearer("clinic"))
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_call_or_card_is_at_most_10_megabytes(site: Site) -> None:
    headers = site.bearer("clinic") | {"Content-Length": str(11 * 2**20)}
    for method, path in (
        ("POST", "/observability/v1/observe/"),
        ("PUT", "/api/projects/clinic/metrics/CSAT/"),
        ("POST", f"{INSIGHTS.format('clinic')}/"),
    ):
        answer = site.client.request(method, path, headers=headers)
        assert (answer.status_code, "10 MB" in answer.json()["detail"]) == (413, True)


def test_health_needs_no_key(site: Site) -> None:
    answer = site.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_database_that_is_away_is_said_plainly() -> None:
    away = create_engine("postgresql+psycopg://nobody:secret@127.0.0.1:1/none")
    client = TestClient(create_app(away))
    health = client.get("/healthz")
    listed = client.get("/api/projects/", headers={"X-CEKURA-API-KEY": "fi_1_" + "A" * 43})
    for answer in (health, listed):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "127.0.0.1" not in answer.text
