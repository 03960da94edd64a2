"""What a digest says of days whose calls are known, and when Dagster makes it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine

from failure_insights.audit.digests import digest_of, make_digest
from failure_insights.domain.pools import date_of
from failure_insights.export.markdown import digest_markdown
from failure_insights.orchestration.digests import daily_digest, project_digest
from failure_insights.orchestration.resources import StoreResource, process_settings
from failure_insights.settings import Settings
from failure_insights.store.digests import DigestRow, NewDigest, newest_digest, theme_facts
from failure_insights.store.projects import ProjectRow, find_project
from failure_insights.store.theme_acts import ThemeChange, change_theme
from failure_insights_tests.endpoint.server import EndpointServer, says
from failure_insights_tests.pipeline.grid import YESTERDAY, Grid
from failure_insights_tests.web.sample import DAY, TODAY, Sample, Theme

LAST_DAY = date_of(TODAY)
HOUR = timedelta(hours=1)
WORDING = Settings(_env_file=None, auditor="wording")


def project(sample: Sample) -> ProjectRow:
    with sample.engine.connect() as connection:
        return find_project(connection, sample.slug)


def digest(sample: Sample, days_ago: int = 0, days: int = 1) -> NewDigest:
    with sample.engine.connect() as connection:
        place = find_project(connection, sample.slug)
        at = TODAY - days_ago * DAY
        return digest_of(connection, place, date_of(at), at, days)


def told(digest: NewDigest) -> list[tuple[str, str, int]]:
    return [(story["kind"], story["title"], story["count"]) for story in digest.stories]


def test_new_grown_and_gone_themes_are_told_and_what_stayed_is_not(engine: Engine) -> None:
    sample = Sample.make(engine)
    metric = sample.metric("Expected Outcome")
    for days_ago in range(9, 0, -1):
        themes = [Theme("Steady", 5), Theme("Growing", 2)]
        if days_ago >= 3:
            themes.append(Theme("Leaving", 3))
        sample.audit(metric, themes, days_ago=days_ago)
    sample.audit(metric, [Theme("Steady", 6), Theme("Growing", 11), Theme("Fresh", 4)])
    made = digest(sample)
    assert told(made) == [
        ("new", "Fresh", 4),
        ("grew", "Growing", 11),
        ("went_away", "Leaving", 21),
    ]
    assert made.headline == "1 new theme, 1 grew, 1 went away; 21 failing calls in 1 metric."
    assert made.stories[1]["themes"][0]["expected"] == 2.0
    # A theme is missed once, on the day that its silence is three days old.
    assert told(digest(sample, days_ago=1)) == []


def test_themes_of_metrics_that_share_calls_are_told_as_one(engine: Engine) -> None:
    sample = Sample.make(engine)
    titles = {"Expected Outcome": "Slots time out", "CSAT": "Caller left", "Relevancy": "No answer"}
    for name, title in titles.items():
        sample.audit(sample.metric(name), [Theme(title, 9)], prefix="one-")
    sample.audit(sample.metric("STT Errors"), [Theme("Names garbled", 4)], prefix="two-")
    (one, two) = digest(sample).stories
    assert (one["count"], len(one["metrics"])) == (9, 3)
    assert sorted(theme["title"] for theme in one["themes"]) == sorted(titles.values())
    assert two["metrics"] == ["STT Errors"]


def test_what_people_did_with_themes_is_heeded(engine: Engine) -> None:
    sample = Sample.make(engine)
    metric = sample.metric("CSAT")
    titles = ("Fixed", "Known", "Twin", "Fresh")
    sample.audit(metric, [Theme(title, 6) for title in titles[:3]], days_ago=2)
    with engine.begin() as connection:
        place = find_project(connection, sample.slug)
        ids = {fact.title: fact.theme_id for fact in theme_facts(connection, place.id, LAST_DAY)}
        fixed = ThemeChange(state="resolved", since=TODAY - 30 * HOUR)
        change_theme(connection, place, ids["Fixed"], fixed, "lead")
        dismissed = ThemeChange(state="dismissed", reason="not_important")
        change_theme(connection, place, ids["Known"], dismissed, "lead")
        change_theme(connection, place, ids["Twin"], ThemeChange(title="Renamed"), "lead")
    sample.audit(metric, [Theme("Fixed", 4), Theme("Known", 20), Theme("Twin", 21)])
    made = digest(sample)
    assert told(made) == [("grew", "Renamed", 21), ("regressed", "Fixed", 4)]


def test_a_digest_names_audits_that_failed_are_missing_or_degraded(engine: Engine) -> None:
    sample = Sample.make(engine)
    sample.audit(sample.metric("CSAT"), [Theme("Fresh", 4)], degraded=True)
    sample.state(sample.metric("Relevancy"), "failed", date=LAST_DAY)
    sample.metric("STT Errors")
    made = digest(sample)
    assert (made.audited, made.degraded) == (1, ["CSAT"])
    assert (made.failed, made.missing) == (["Relevancy"], ["STT Errors"])


def test_a_digest_in_markdown_formats_nothing_that_strangers_wrote(engine: Engine) -> None:
    sample = Sample.make(engine)
    hostile = "**bold** <script>alert(1)</script> [link](https://example.com)"
    sample.audit(sample.metric("CSAT"), [Theme(hostile, 4, quote="I said Tuesday")])
    row = make_digest(engine, WORDING, project(sample), LAST_DAY, TODAY)
    text = digest_markdown(row)
    assert "<script>" not in text.replace("\\<", "")
    assert "\\*\\*bold" in text
    assert "I said Tuesday" in text


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Fresh broke 4 calls of CSAT.", "Fresh broke 4 calls of CSAT."),
        ("It broke 40 calls. Look at CSAT first.", "Look at CSAT first."),
        ('Callers say "I said Tuesday". See CSAT.', 'Callers say "I said Tuesday". See CSAT.'),
        ('Callers say "you are useless". See CSAT.', "See CSAT."),
        ("See https://example.com <b>now</b>.", "See now."),
    ],
)
def test_words_of_the_llm_have_no_number_or_quote_that_the_digest_does_not_have(
    engine: Engine, words: str, shown: str
) -> None:
    sample = Sample.make(engine)
    sample.audit(sample.metric("CSAT"), [Theme("Fresh", 4, quote="I said Tuesday")])
    asked: list[str] = []

    def answer(sent: Any) -> Any:
        asked.append(json.dumps(sent.body))
        return says({"words": words})

    with EndpointServer(answer) as server:
        settings = Settings(
            _env_file=None, openai_api_key="k", openai_base_url=server.url, model="gpt-5-mini"
        )
        row = make_digest(engine, settings, project(sample), LAST_DAY, TODAY)
        again = make_digest(
            engine,
            settings.model_copy(update={"monthly_cap": 0.0}),
            project(sample),
            LAST_DAY,
            TODAY,
        )
    assert row["words"].replace(" .", ".") == shown
    assert row["cost"]
    assert "I said Tuesday" in asked[-1]
    assert again["words"] == ""


def test_the_digest_is_made_once_the_days_audits_have_ended(grid: Grid) -> None:
    grid.fail("Clinic/CSAT", 5)
    grid.fail("Clinic/Relevancy", 5)
    grid.fail("Bank/CSAT", 5)
    store, settings = StoreResource(), process_settings

    def tick() -> Any:
        asked = grid.tick(daily_digest)
        return asked.run_requests[0] if asked.run_requests else asked.skip_message

    assert "has ended yet" in tick()
    pairs = grid.sync()
    grid.run(pairs[0])
    waits = tick()
    if datetime.now(UTC) < TODAY + timedelta(hours=2):
        assert "2 have not begun" in waits
    grid.run(*pairs[1:])
    request = tick()
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == YESTERDAY.isoformat()
    result = dg.materialize(
        [project_digest],
        instance=grid.instance,
        partition_key=request.partition_key,
        resources={"store": store, "settings": settings},
        selection=[project_digest],
    )
    assert result.success
    rows: dict[str, DigestRow] = {}
    with grid.engine.connect() as connection:
        for name in ("Clinic", "Bank"):
            row = newest_digest(connection, find_project(connection, name))
            assert row
            rows[name] = row
    assert rows["Clinic"]["headline"] == "1 new theme; 10 failing calls in 2 metrics." or (
        rows["Clinic"]["headline"] == "2 new themes; 10 failing calls in 2 metrics."
    )
    assert rows["Bank"]["audited"] == 1
