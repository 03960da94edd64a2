"""Who may see the pages, and what keeps others from acting in their name."""

from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr
from sqlalchemy import Engine

from failure_insights.errors import BadInput
from failure_insights.store.keys import create_key, revoke_key
from failure_insights.web.auth.listening import require_key_beyond_loopback
from failure_insights.web.auth.session import COOKIE
from failure_insights.web.auth.sign_in_link import LINK_S, make_sign_in_link
from failure_insights.web.pages import links
from failure_insights.web.security_headers import HEADERS
from failure_insights_tests.refusals import refused
from failure_insights_tests.web.sample import Sample, Theme
from failure_insights_tests.web.test_pages import Browser


@pytest.fixture
def visitor(engine: Engine, tmp_path: Path) -> Browser:
    return Browser(engine, tmp_path)


def with_key(visitor: Browser, engine: Engine, *projects: str, next: str = "/") -> str:
    """Sign the visitor in with a new key; return where it leads."""
    with engine.begin() as connection:
        key = create_key(connection, "lead", projects)
    visitor.get("/sign-in")
    return visitor.post("/sign-in", key=key, next=next).headers["location"]


def test_without_a_session_every_page_leads_to_signing_in_and_back(
    visitor: Browser, engine: Engine
) -> None:
    dental = Sample.make(engine)
    address = f"{links.metric(dental.slug, dental.metric('CSAT'))}?page=2"
    led = visitor.client.get(address).headers["location"]
    assert led == "/sign-in?next=%2Fprojects%2Fwillow-dental%2Fmetrics%2Fcsat%3Fpage%3D2"
    assert with_key(visitor, engine, next=address) == address
    assert visitor.client.get(address).status_code == 200


def test_a_piece_of_a_page_sends_the_whole_page_to_sign_in(visitor: Browser) -> None:
    answer = visitor.client.get(
        "/projects/p/metrics/m/card?phase=running", headers={"HX-Request": "true"}
    )
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")


def test_the_link_signs_in_once(visitor: Browser, engine: Engine, tmp_path: Path) -> None:
    link = make_sign_in_link(visitor.settings, "http://testserver/")
    assert visitor.client.get(link).headers["location"] == "/"
    assert visitor.client.get("/").status_code == 200
    other = Browser(engine, tmp_path)
    assert "has been used" in other.get(link, 401).text
    assert other.client.get("/").status_code == 303


def test_the_link_is_good_for_a_day(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    link = make_sign_in_link(visitor.settings, "http://testserver")
    monkeypatch.setattr("failure_insights.web.auth.sign_in_link._age", lambda _: LINK_S + 1)
    assert visitor.client.get(link).status_code == 401


def test_a_wrong_key_is_refused(visitor: Browser) -> None:
    visitor.get("/sign-in")
    assert visitor.post("/sign-in", key="fi_1_" + "x" * 43).status_code == 401
    assert visitor.client.get("/").status_code == 303


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_signing_in_never_leads_to_another_site(
    visitor: Browser, engine: Engine, next: str
) -> None:
    assert with_key(visitor, engine, next=next) == "/"


def test_a_key_sees_only_its_projects(visitor: Browser, engine: Engine) -> None:
    mine, other = Sample.make(engine, "Mine"), Sample.make(engine, "Other")
    insight = other.audit(other.metric("CSAT"), [Theme("Secret cause", 3)])
    with_key(visitor, engine, mine.slug)
    assert "Other" not in visitor.get("/").text
    for address in (
        links.insights(other.slug),
        links.metric(other.slug, "csat"),
        links.insight(other.slug, insight),
        links.export(other.slug, insight, "md"),
        links.call(other.slug, "call-0-0"),
        links.card(other.slug, "csat", None, ""),
        links.insight(mine.slug, insight),
    ):
        assert "Secret cause" not in visitor.get(address, 404).text
    assert visitor.post(links.generate(other.slug, "csat")).status_code == 404


def test_revoking_a_key_ends_its_sessions(visitor: Browser, engine: Engine) -> None:
    with_key(visitor, engine)
    assert visitor.client.get("/").status_code == 200
    with engine.begin() as connection:
        revoke_key(connection, "lead")
    assert visitor.client.get("/").headers["location"] == "/sign-in"
    assert visitor.client.get("/sign-in").status_code == 200


ADDRESSES_OF_FORMS = ["/sign-out", "/projects/willow-dental/metrics/csat/audits", "/sign-in"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine, or a sister's subdomain
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://testserver:9999"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver@evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://é"},
        {"Referer": "http://testserver/"},
    ],
    ids=str,
)
@pytest.mark.parametrize("address", ADDRESSES_OF_FORMS)
def test_a_form_of_another_site_changes_nothing(
    visitor: Browser, engine: Engine, address: str, headers: dict[str, str]
) -> None:
    dental = Sample.make(engine)
    dental.metric("CSAT")
    with engine.begin() as connection:
        key = create_key(connection, "lead")
    visitor.sign_in()
    encoded = {name: value.encode() for name, value in headers.items()}
    sent = visitor.client.post(address, data={"key": key}, headers=encoded)
    assert sent.status_code == 403
    assert "set-cookie" not in sent.headers
    assert dental.run("SELECT count(*) FROM insights") == 0
    assert visitor.client.get("/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://testserver"},
        {"Origin": "https://testserver"},  # a proxy took HTTPS off
        {"Origin": "http://127.0.0.1:8000"},  # public_url, behind a proxy that hides the host
    ],
    ids=str,
)
@pytest.mark.parametrize("address", ADDRESSES_OF_FORMS)
def test_a_form_of_our_own_pages_is_taken(
    visitor: Browser, engine: Engine, address: str, headers: dict[str, str]
) -> None:
    Sample.make(engine).metric("CSAT")
    with engine.begin() as connection:
        key = create_key(connection, "lead")
    visitor.sign_in()
    assert visitor.client.post(address, data={"key": key}, headers=headers).status_code == 303


def test_signing_out_ends_the_session(visitor: Browser) -> None:
    visitor.sign_in().get("/")
    kept = visitor.client.cookies[COOKIE]
    assert visitor.post("/sign-out").headers["location"] == "/sign-in"
    assert COOKIE not in visitor.client.cookies
    for cookies in ({}, {COOKIE: kept}):
        visitor.client.cookies.update(cookies)
        assert visitor.client.get("/").status_code == 303


def test_a_tampered_cookie_is_nobodys(visitor: Browser) -> None:
    visitor.sign_in()
    cookie = visitor.client.cookies[COOKIE]
    visitor.client.cookies.clear()
    visitor.client.cookies.set(COOKIE, cookie[:-4] + "AAAA")
    assert visitor.client.get("/").status_code == 303


def test_a_cookie_of_an_earlier_version_asks_to_sign_in_again(visitor: Browser) -> None:
    signer = URLSafeTimedSerializer("s" * 40, salt="failure-insights session")
    visitor.settings.session_secret = SecretStr("s" * 40)
    earlier = {"csrf_token": "t", "signed_in": False, "key_id": None}
    for fields, status in (
        (earlier, 303),
        ({"key_id": None}, 303),
        ({"id": "a", "key_id": None}, 200),
    ):
        visitor.client.cookies.set(COOKIE, signer.dumps(fields))
        assert visitor.client.get("/").status_code == status


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Browser) -> None:
    for proxy in ({}, {"X-Forwarded-Proto": "https"}):
        link = make_sign_in_link(visitor.settings, "http://testserver")
        cookie = visitor.client.get(link, headers=proxy).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert ("secure" in cookie) == bool(proxy)


@pytest.mark.parametrize("address", ["/", "/sign-in", "/static/app.css", "/none", "/healthz"])
def test_every_answer_carries_the_security_headers(visitor: Browser, address: str) -> None:
    headers = visitor.client.get(address).headers
    is_static = address.startswith("/static/")
    expected = HEADERS | ({"Cache-Control": headers["Cache-Control"]} if is_static else {})
    assert {name: headers[name] for name in HEADERS} == expected
    assert is_static == headers["Cache-Control"].startswith("public")


@pytest.mark.parametrize(
    ("host", "is_refused"),
    [
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.168.1.5", True),
        ("example.com", True),
    ],
)
def test_listening_beyond_loopback_needs_a_key(engine: Engine, host: str, is_refused: bool) -> None:
    if is_refused:
        with refused("no_api_key", BadInput):
            require_key_beyond_loopback(engine, host)
        with engine.begin() as connection:
            create_key(connection, "a")
    require_key_beyond_loopback(engine, host)
