"""What the dashboard shows and does, asked as a browser would without scripts."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, NullPool, create_engine, text

from failure_insights.settings import Settings
from failure_insights.web.app import create_app
from failure_insights.web.auth.sign_in_link import make_sign_in_link
from failure_insights.web.pages import links
from failure_insights.web.pages.formats import spans
from failure_insights_tests.web.sample import NOW, Sample, Theme
from failure_insights_tests.web.showcase import HOSTILE, showcase


class Page(HTMLParser):
    """A page's visible text, its elements by id, its links and what could run."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.within: dict[str, str] = {}
        self.active: list[str] = []
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(values.get("href", ""))
        if tag in ("script", "style") and "src" not in values:
            self.active.append(tag)
        self.active += [name for name in values if name.startswith("on") or name == "style"]
        if tag not in self.VOID:
            self._open.append((tag, values.get("id")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        for _, key in self._open:
            if key:
                self.within[key] = self.within.get(key, "") + data


class Browser:
    """A client that sends forms as a browser does from our own pages."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self.settings = Settings(home=home, dagster_url="http://dagster.test:3000/")
        self.client = TestClient(create_app(engine, self.settings), follow_redirects=False)

    def sign_in(self) -> "Browser":
        link = make_sign_in_link(self.settings, "http://testserver")
        assert self.client.get(link).headers["location"] == "/"
        return self

    def get(self, address: str, status: int = 200) -> Page:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text
        return Page(answer.text)

    def post(self, address: str, htmx: bool = False, **fields: str):  # type: ignore[no-untyped-def]
        headers = {"Origin": "http://testserver"} | ({"HX-Request": "true"} if htmx else {})
        return self.client.post(address, data=fields, headers=headers)


@pytest.fixture
def browser(engine: Engine, tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(engine, tmp_path).sign_in()
    with browser.client:
        yield browser


@pytest.fixture
def dental(engine: Engine) -> Sample:
    return Sample.make(engine)


def test_each_card_is_in_the_state_that_its_newest_audit_is_in(
    browser: Browser, engine: Engine
) -> None:
    showcase(engine)
    page = browser.get("/?project=willow-park-dental")
    for card, words in {
        "expected-outcome": ["70 failing calls", "Agent books another day", "Recurring", "54%"],
        "tool-call-accuracy": ["Degraded", "answered 503", "New"],
        "csat": ["Not enough metric failure instances in last 7 days.", "Regenerate"],
        "identity-check-before-disclosure": ["Not audited yet.", "Generate"],
        "relevancy": ["Dagster takes it in a moment"],
        "stt-errors": ["Auditing since", "Surnames are garbled"],
        "emergency-triage": ["nothing has taken it yet", "failure-insights up"],
        "hallucination": ["The last audit failed", "No sign of life", "What to do"],
    }.items():
        for word in words:
            assert word in " ".join(page.within[card].split()), (card, word)
    assert "latency" not in page.within
    assert "http://dagster.test:3000/runs/6f1c0000-0000-0000-0000-000000000000" in page.links
    assert "Read by the agent (gpt-5-mini)" in page.text
    assert "Grouped by wording, without an LLM" in page.text


def test_a_backfilled_day_does_not_hide_today(browser: Browser, dental: Sample) -> None:
    metric = dental.metric("CSAT")
    dental.audit(metric, [Theme("Today's cause", 5)])
    dental.audit(metric, [Theme("An old cause", 5)], days_ago=9)
    assert "Today's cause" in browser.get("/").within["csat"]
    assert "An old cause" not in browser.get("/").within["csat"]


def test_a_failure_is_told_until_a_later_audit_is_done(browser: Browser, dental: Sample) -> None:
    metric = dental.metric("CSAT")
    dental.state(metric, "failed", error_message="The endpoint refused the key.")
    assert "The endpoint refused the key." in browser.get("/").text
    dental.audit(metric, [Theme("A cause", 5)])
    assert "The endpoint refused the key." not in browser.get("/").text


def test_a_page_of_fifty_cards_is_small_and_names_every_theme(
    browser: Browser, dental: Sample
) -> None:
    for number in range(50):
        themes = [Theme(f"Cause {number:02} {letter}", 10) for letter in "ABCDEF"]
        dental.audit(dental.metric(f"Metric {number:02}"), themes, prefix=f"m{number}-")
    answer = browser.client.get("/")
    assert len(answer.content) <= 300_000
    page = Page(answer.text)
    for number in range(50):
        for letter in "ABCDEF":
            assert f"Cause {number:02} {letter}" in page.within[f"metric-{number:02}"]
    whole = browser.client.get(links.insights(dental.slug, whole=True)).text
    for html, short in ((answer.text, 42), (whole, 0)):
        assert html.count('class="card short"') == short


def test_every_call_of_a_theme_can_be_reached(browser: Browser, dental: Sample) -> None:
    metric = dental.metric("CSAT")
    insight = dental.audit(metric, [Theme("A cause", 40)], unassigned=30)
    page = browser.get("/")
    more = [link for link in page.links if f"/insights/{insight}#group_" in link]
    assert len(more) == 2
    whole = browser.get(more[0].split("#")[0])
    calls = {link for link in whole.links if "/calls/" in link}
    assert {urlsplit(link).path.split("/")[-1] for link in calls} >= {
        f"call-0-{number}" for number in range(70)
    }
    piece = browser.get(f"/projects/{dental.slug}/insights/{insight}/groups/unassigned/calls")
    assert len(piece.links) == 30


def test_a_view_shows_only_metrics_and_calls_of_its_agents(
    browser: Browser, dental: Sample
) -> None:
    both, day = dental.metric("CSAT"), dental.metric("Relevancy")
    dental.audit(both, [Theme("A cause", 10)], agents=["front-desk", "after-hours"])
    dental.audit(day, [Theme("By day only", 4)], prefix="day-")
    view = dental.view("Nights", ["after-hours"])
    page = browser.get(f"/?project={dental.slug}&view={view}")
    assert "By day only" not in page.text
    assert "5 failing calls" in page.within["csat"]
    assert not {"call-0-0", "call-0-2"} & {
        urlsplit(link).path.split("/")[-1] for link in page.links
    }
    browser.get(f"/?project={dental.slug}&view=none-such", 404)


def test_generate_writes_one_request_and_shows_the_card_waiting(
    browser: Browser, dental: Sample
) -> None:
    metric = dental.metric("CSAT")
    browser.get("/")
    address = links.generate(dental.slug, metric)
    answer = browser.post(address, window_days="3", max_calls="50")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/?project={dental.slug}#csat",
    )
    again = browser.post(address, htmx=True, window_days="3", max_calls="50")
    assert 'hx-trigger="every 2s"' in again.text
    assert "Dagster takes it in a moment" in again.text
    rows = "SELECT requested_window_days * 1000 + max_calls FROM insights"
    assert dental.run(f"SELECT array_agg(n) FROM ({rows}) AS r(n)") == [3050]


@pytest.mark.parametrize(
    "fields",
    [{"window_days": "0"}, {"window_days": "91"}, {"max_calls": "1001"}, {"max_calls": "x"}],
)
def test_a_number_out_of_range_is_told_and_asks_nothing(
    browser: Browser, dental: Sample, fields: dict[str, str]
) -> None:
    metric = dental.metric("CSAT")
    browser.get("/")
    answer = browser.post(links.generate(dental.slug, metric), htmx=True, **fields)
    assert answer.status_code == 422
    assert "give a whole number" in answer.text
    assert dental.run("SELECT count(*) FROM insights") == 0


def test_polling_says_nothing_until_the_phase_changes_and_then_stops(
    browser: Browser, dental: Sample
) -> None:
    metric = dental.metric("CSAT")
    insight = dental.state(metric, "pending")
    poll = re.search(r'hx-get="([^"]+phase=pending)"', browser.client.get("/").text)
    assert poll
    assert browser.client.get(poll[1]).status_code == 204
    dental.run(
        "UPDATE insights SET status = 'failed', error_message = 'It broke.',"
        " finished_at = now() WHERE id = :id",
        id=insight,
    )
    done = browser.client.get(poll[1]).text
    assert "It broke." in done
    assert "hx-trigger" not in done
    assert "CSAT: the audit failed." in Page(done).text


def test_a_request_that_nothing_takes_is_said_to_wait_for_the_daemon(
    browser: Browser, dental: Sample
) -> None:
    dental.state(dental.metric("CSAT"), "pending", created_at=NOW - timedelta(minutes=5))
    assert "Check that Dagster's daemon runs" in browser.get("/").text


def test_a_metrics_page_lists_its_audits_day_by_day_and_turns_pages(
    browser: Browser, dental: Sample
) -> None:
    metric = dental.metric("CSAT", prompt="Was the caller content?", pass_rule=">= 4")
    for days_ago in range(25):
        dental.audit(metric, [Theme("Dead air", 3 + days_ago)], days_ago=days_ago)
    page = browser.get(links.metric(dental.slug, metric))
    assert "Page 1 of 2, 25 audits" in page.text
    assert "Was the caller content?" in page.text
    assert "Dead air" in page.within["_main"]
    older = browser.get(links.metric(dental.slug, metric, 2))
    assert "27 failing calls" in older.text
    assert "3 failing calls" not in older.text.replace("23 failing calls", "")


def test_a_metric_whose_scores_nobody_judges_says_that_it_needs_a_pass_rule(
    browser: Browser, dental: Sample
) -> None:
    metric = dental.metric("CSAT")
    dental.calls(["c-1", "c-2", "c-3"])
    dental.results(metric, ["c-1", "c-2"])
    dental.run("UPDATE metric_results SET passed = NULL")
    dental.results(metric, ["c-3"])
    address = links.pass_rule(dental.slug, metric)
    card = links.insights(dental.slug)
    assert "Needs a pass rule. 2 scores without a verdict." in browser.get(card).text
    assert "No verdict" in browser.get(links.call(dental.slug, "c-1")).text
    bad = browser.post(address, htmx=True, rule="good")
    assert (bad.status_code, "is not an operator" in bad.text) == (422, True)
    assert browser.post(address, rule="in good").status_code == 303
    assert "in good" in browser.get(links.metric(dental.slug, metric)).text
    assert "Needs a pass rule" not in browser.get(card).text
    assert "No verdict" not in browser.get(links.call(dental.slug, "c-1")).text
    judged = browser.post(address, htmx=True, rule="<= 2")
    assert (judged.status_code, "pass rule" in judged.text) == (200, False)
    for call_id, verdict in (("c-1", "Passed"), ("c-2", "Passed"), ("c-3", "Failed")):
        assert verdict in browser.get(links.call(dental.slug, call_id)).text


def test_the_call_page_marks_the_quotes_and_says_what_each_judge_said(
    browser: Browser, dental: Sample
) -> None:
    metric, other = dental.metric("CSAT"), dental.metric("Relevancy")
    insight = dental.audit(metric, [Theme("Wrong day", 3)])
    dental.results(other, ["call-0-0"], passed=True, explanation="It stayed on topic.")
    html = browser.client.get(links.evidence(dental.slug, "call-0-0", insight, 5)).text
    assert "No, <mark>I said Tuesday</mark>!" in html
    page = Page(html)
    for words in ("booked Thursday instead", "Wrong day", "Failed", "It stayed on topic", "Passed"):
        assert words in page.text
    assert "Evidence" in page.within["turn-5"]
    assert html.count('<details class="tool">') == 2


@pytest.mark.parametrize(
    ("metadata", "link"),
    [
        ({"recording_url": "https://a.example/1.wav"}, "https://a.example/1.wav"),
        ({"artifact": {"recordingUrl": "http://a.example/2"}}, "http://a.example/2"),
        ({"recording_url": "javascript:alert(1)"}, None),
        ({"audio": "https://"}, None),
        ({"note": "https://a.example/3"}, None),
    ],
)
def test_an_audio_link_is_shown_only_for_a_recording_on_the_web(
    browser: Browser, dental: Sample, metadata: dict[str, object], link: str | None
) -> None:
    dental.calls(["c"], metadata=metadata)
    found = [to for to in browser.get(links.call(dental.slug, "c")).links if "://" in to]
    assert found == ([link] if link else [])


@pytest.mark.parametrize("format", ["md", "json", "csv"])
def test_an_insight_is_exported_in_each_format(
    browser: Browser, dental: Sample, format: str
) -> None:
    insight = dental.audit(dental.metric("CSAT"), [Theme("Wrong day", 3)])
    answer = browser.client.get(links.export(dental.slug, insight, format))
    assert "Wrong day" in answer.text
    assert answer.headers["content-disposition"].endswith(f'insight-{insight}.{format}"')
    assert browser.client.get(links.export(dental.slug, insight, "exe")).status_code == 404


def test_hostile_text_is_shown_as_text_and_its_links_lead_where_they_should(
    browser: Browser, engine: Engine
) -> None:
    showcase(engine)
    page = browser.get("/?project=hostile")
    assert HOSTILE in page.text
    assert not page.active
    calls = [link for link in page.links if "/calls/" in link]
    assert calls
    for link in calls:
        call = browser.get(link)
        assert not call.active
        assert unquote(urlsplit(link).path.split("/calls/")[1]) in call.text
    with engine.connect() as connection:
        ids = connection.execute(
            text(
                "SELECT call_id FROM calls JOIN projects p ON p.id = project_id"
                " WHERE p.slug = 'hostile'"
            )
        ).scalars()
        for call_id in ids:
            # The test client decodes addresses twice; the browser's tests open this one.
            if call_id != "%2e%2F":
                assert call_id in browser.get(links.call("hostile", call_id)).text
    assert not browser.get(links.insight("hostile", _newest(engine))).active


def _newest(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT max(id) FROM insights")).scalar_one())


@example("..")
@example("a\nb")
@example("a/../b")
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_a_link_to_a_call_says_its_whole_id_and_nothing_else(call_id: str) -> None:
    link = links.evidence("shop", call_id, 7, 3)
    assert re.fullmatch(r"[A-Za-z0-9/%?=&#._~+-]+", link)
    # As a browser resolves it, which takes "." and ".." for steps in the path.
    parts = urlsplit(urljoin("http://host/projects/shop/insights/1", link))
    query = parse_qs(parts.query, keep_blank_values=True)
    named = query.get("call_id", [unquote(parts.path.removeprefix("/projects/shop/calls/"))])
    assert (named, query["insight"], parts.fragment) == ([call_id], ["7"], "turn-3")


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=5))
def test_marking_quotes_changes_no_character(content: str, quotes: list[str]) -> None:
    pieces = spans(content, quotes)
    assert "".join(piece.text for piece in pieces) == content
    for quote in quotes:
        if quote and quote in content:
            at = content.index(quote)
            marked = "".join("1" * len(p.text) if p.quoted else "0" * len(p.text) for p in pieces)
            assert set(marked[at : at + len(quote)]) == {"1"}


def test_a_page_that_is_not_there_is_told_so_on_a_page(browser: Browser, dental: Sample) -> None:
    for address in (
        "/?project=none",
        f"/projects/{dental.slug}/metrics/none",
        f"/projects/{dental.slug}/calls/none",
        f"/projects/{dental.slug}/insights/99",
    ):
        assert "Not found" in browser.get(address, 404).text
    for odd in ("/?project=%00", f"/projects/{dental.slug}/insights/{10**30}"):
        assert "Not found" in browser.get(odd, 404).text
    assert "cannot be used" in browser.get(f"/projects/{dental.slug}/insights/x", 422).text


def test_a_database_that_is_away_is_told_without_its_address(tmp_path: Path) -> None:
    away = create_engine("postgresql+psycopg://someone@127.0.0.1:1/secret", poolclass=NullPool)
    browser = Browser(away, tmp_path).sign_in()
    page = browser.get("/", 503)
    assert "does not answer" in page.text
    assert "someone" not in page.text


def test_an_empty_store_says_how_to_fill_it(browser: Browser) -> None:
    assert "failure-insights import" in browser.get("/").text
