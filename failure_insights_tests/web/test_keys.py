"""API keys: shown once, scoped, revocable, and limited in requests."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from failure_insights.commands.keys import app
from failure_insights.errors import BadInput, UnknownName
from failure_insights.settings import Settings
from failure_insights.store.keys import create_key, key_in_force, list_keys, revoke_key
from failure_insights.web.api.app import create_api
from failure_insights.web.auth.rate_limit import RateLimit
from failure_insights_tests.refusals import refused
from failure_insights_tests.web.api_site import Site, site_of

CLINIC = "/api/projects/clinic"
#: Every endpoint of a project, each with a request that the project's own key may make.
ENDPOINTS = [
    ("POST", f"{CLINIC}/metric_failure_mode_insights/", {"metric_name": "CSAT"}),
    ("GET", f"{CLINIC}/metric_failure_mode_insights/", None),
    ("GET", f"{CLINIC}/metric_failure_mode_insights/1/", None),
    ("POST", f"{CLINIC}/calls/", []),
    ("GET", f"{CLINIC}/calls/a3/", None),
    ("GET", f"{CLINIC}/agents/", None),
    ("GET", f"{CLINIC}/metrics/", None),
    ("PUT", f"{CLINIC}/metrics/CSAT/", {}),
    ("PUT", f"{CLINIC}/about/", {"about": "Books."}),
    ("GET", f"{CLINIC}/about/", None),
    ("GET", f"{CLINIC}/views/", None),
    ("PUT", f"{CLINIC}/views/Desk/", {"agents": ["front-desk"]}),
]
#: Endpoints whose address names no project.
UNSCOPED = [
    ("GET", "/api/projects/", None),
    ("POST", "/observability/v1/observe/", {}),
    ("POST", "/observability/v1/vapi/observe/", {}),
    ("POST", f"/observability/v1/vapi/observe/{'A' * 16}/", {}),
]


@pytest.fixture
def site(engine: Engine) -> Site:
    site = site_of(engine)
    assert site.post(ENDPOINTS[0][1], {"metric_name": "Hallucination"}).json()["id"] == 1
    return site


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_an_endpoint_answers_only_its_own_project_s_key(
    site: Site, method: str, path: str, body: object
) -> None:
    def status(headers: dict[str, str], path: str = path) -> int:
        answer = site.client.request(method, path, json=body, headers=headers)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code

    assert status(site.bearer("bank")) == 404
    assert status(site.bearer("clinic"), path.replace("clinic", "nowhere")) == 404
    for name in ("clinic", "all"):
        assert status(site.bearer(name)) < 300
        assert status(site.bearer(name), path.rstrip("/")) < 300
    assert status({"X-CEKURA-API-KEY": site.keys["clinic"]}) < 300


@pytest.mark.parametrize(("method", "path", "body"), [*ENDPOINTS, *UNSCOPED])
def test_an_endpoint_answers_nobody_without_a_key_in_force(
    site: Site, method: str, path: str, body: object
) -> None:
    key = site.keys["clinic"]
    with site.engine.begin() as connection:
        revoke_key(connection, "bank")
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {key}"},
        {"X-CEKURA-API-KEY": key[:-1] + ("A" if key[-1] != "A" else "B")},
        site.bearer("bank"),
    ):
        answer = site.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


def operations_of_a_project() -> Iterator[tuple[str, str, object]]:
    """Yield every endpoint of a project that the API's document has, with its example as body."""
    document = create_api(Settings()).openapi()
    sample = {"project": "clinic", "theme_id": "th_00000000000a", "call_id": "a3", "name": "CSAT"}
    for path, operations in document["paths"].items():
        if "{project}" in path:
            address = re.sub(r"{(\w+)}", lambda match: sample.get(match[1], "1"), path)
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                name = schema.get("$ref", "").rpartition("/")[2]
                known = document["components"]["schemas"].get(name, {})
                yield method.upper(), address, next(iter(known.get("examples", [])), [])


def test_every_endpoint_of_a_project_is_closed_to_a_key_of_another(site: Site) -> None:
    operations = list(operations_of_a_project())
    assert len(operations) > len(ENDPOINTS)
    for method, path, body in operations:
        for key, expected in (("bank", 404), ("nonsense", 401)):
            answer = site.client.request(
                method,
                path,
                params={"metric_name": "CSAT"} if method == "GET" else {},
                json=None if method == "GET" else body,
                headers=site.bearer(key),
            )
            assert answer.status_code == expected, (method, path, answer.text)
            if expected == 404:
                assert answer.json()["detail"] == "there is no project 'clinic'", (method, path)


def test_another_key_s_project_and_no_project_are_told_apart_by_nothing(site: Site) -> None:
    theirs = site.get("/api/projects/bank/metric_failure_mode_insights/")
    nobodys = site.get("/api/projects/tank/metric_failure_mode_insights/")
    assert theirs.json() == {**nobodys.json(), "detail": "there is no project 'bank'"}


@pytest.mark.parametrize("name", ["clinic", "Clinic", "CLINIC", " clinic_"])
def test_a_project_is_found_by_its_slug_and_by_spellings_of_its_name(site: Site, name: str) -> None:
    assert site.get("/api/projects/clinic!/agents/").status_code == 404
    assert site.get(f"/api/projects/{name}/agents/").json()["count"] == 2


def test_an_insight_is_not_read_through_another_project_of_the_same_key(site: Site) -> None:
    path = "/api/projects/bank/metric_failure_mode_insights/1/"
    assert site.get(path, key="all").status_code == 404


def test_a_key_is_stored_as_a_hash_and_works_until_it_is_revoked(engine: Engine) -> None:
    with engine.begin() as connection:
        key = create_key(connection, "ci", ["Shop"])
        assert key_in_force(connection, key) is not None
        stored = connection.execute(text("SELECT to_jsonb(api_keys) FROM api_keys")).scalar_one()
        assert key not in str(stored)
        with refused("key_name_taken", BadInput):
            create_key(connection, "ci")
        revoke_key(connection, "ci")
        assert key_in_force(connection, key) is None
        with refused("unknown_key", UnknownName):
            revoke_key(connection, "ci")
        (row,) = list_keys(connection)
    assert (row.name, row.projects, row.revoked_at is not None) == ("ci", ("shop",), True)


@pytest.mark.parametrize(
    "shown", ["", "fi_", "fi_1_", "fi_999999999_" + "A" * 43, "fi_1_" + "é" * 43]
)
def test_what_is_no_key_is_not_one(engine: Engine, shown: str) -> None:
    with engine.begin() as connection:
        create_key(connection, "ci")
        assert key_in_force(connection, shown) is None


def test_a_key_may_ask_its_share_a_minute_and_is_told_when_to_go_on() -> None:
    now = 0.0
    limit = RateLimit(60, clock=lambda: now)
    assert [limit.take(1) for _ in range(60)] == [None] * 60
    assert limit.take(1) == 1
    assert limit.take(2) is None
    now = 2.0
    assert [limit.take(1) for _ in range(3)] == [None, None, 1]


def test_too_many_requests_are_refused_with_the_time_to_wait(engine: Engine) -> None:
    site = site_of(engine, requests_per_minute=2)
    path = "/api/projects/clinic/metric_failure_mode_insights/"
    answers = [site.get(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert site.get(path, key="bank").status_code == 404


def test_keys_are_made_listed_and_revoked_on_the_command_line(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, database_url=database_url)
    monkeypatch.setattr("failure_insights.settings.get_settings", lambda: settings)
    runner = CliRunner()
    made = runner.invoke(app, ["create", "ci", "--project", "Shop A", "--project", "shop-b"])
    key = made.stdout.strip()
    assert made.exit_code == 0
    with engine.connect() as connection:
        assert key_in_force(connection, key) is not None
    listed = runner.invoke(app, ["list"]).stdout
    assert "ci\tshop-a, shop-b" in listed
    assert key not in listed
    assert runner.invoke(app, ["create", "ci"]).exit_code != 0
    assert runner.invoke(app, ["revoke", "ci"]).exit_code == 0
    assert runner.invoke(app, ["revoke", "ci"]).exit_code != 0
    assert "revoked" in runner.invoke(app, ["list"]).stdout
