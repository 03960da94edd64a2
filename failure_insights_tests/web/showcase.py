"""A project that has every state of the pages at once, for screenshots and the browser tests."""

from datetime import timedelta

from sqlalchemy import Engine, text

from failure_insights.audit.digests import make_digest
from failure_insights.domain.pools import date_of
from failure_insights.settings import Settings
from failure_insights.store.alerts import NewRule, add_rule
from failure_insights.store.projects import find_project
from failure_insights.store.sorted_calls import criteria_of, keep_sorted
from failure_insights_tests.web.sample import NOW, TODAY, Sample, Theme

WRONG_DAY = Theme(
    "Agent books another day than the caller named",
    38,
    suggested_fix="Have the agent repeat day and date, and wait for a yes, before it books.",
    quote="I said Tuesday!",
)
TIMEOUT = Theme(
    "Calendar lookup times out and the agent gives up",
    17,
    "find_slots answers nothing within ten seconds; the agent says goodbye instead of retrying.",
    suggested_fix="Retry find_slots once, then offer a call back.",
    origin="tool_or_integration",
    turn=2,
    quote='{"day": "Thursday"}',
)
INSURANCE = Theme(
    "Insurance number demanded before any appointment",
    9,
    "New patients are asked for a number that they do not have yet, and hang up.",
    origin="agent_instructions",
    turn=None,
    quote="the agent booked Thursday instead",
    num_quotes=1,
)
HOSTILE = '<script>alert(1)</script> "quotes" & \u202eright-to-left\u202c \U0001f926\u200d♀️'

ODD_IDS = ("..", "long", "line\nbreak", "%2e%2F")


def showcase(engine: Engine) -> Sample:
    """Fill an empty store with two projects; return the first."""
    dental = Sample.make(engine, "Willow Park Dental")
    about = {"description": "Did the call end as its purpose says it should?"}
    metric = dental.metric("Expected Outcome", prompt="Judge whether ...", **about)
    counts = [12, 14, 11, 9, 15, 22, 18, 25, 21, 30, 27, 33]
    for days_ago, count in zip(range(12, 0, -1), counts, strict=True):
        themes = [Theme(WRONG_DAY.title, count)]
        if days_ago % 3:
            themes.append(Theme(TIMEOUT.title, 4 + days_ago, TIMEOUT.description))
        dental.audit(metric, themes, days_ago=days_ago)
    dental.audit(
        metric,
        [WRONG_DAY, TIMEOUT, INSURANCE],
        agents=["front-desk", "after-hours"],
        unassigned=4,
        judge_errors=2,
        auditor="agent",
        model="gpt-5-mini",
    )
    later = [f"later-{number}" for number in range(5)]
    dental.calls(later, at=NOW)
    with engine.begin() as connection:
        ids = connection.execute(text("SELECT max(id) FROM insights")).scalar_one()
        known = criteria_of(connection, ids)
        theme_of = dict(zip(later, [*[next(iter(known))] * 3, None, None], strict=True))
        keep_sorted(connection, ids, theme_of, "gpt-5-mini", {}, 0.0004)
    metric = dental.metric("Tool call Accuracy")
    dental.audit(metric, [Theme(TIMEOUT.title, 2)], prefix="tool-", days_ago=2)
    dental.audit(
        metric,
        [Theme(TIMEOUT.title, 11, TIMEOUT.description), Theme("Day and month swapped", 3)],
        prefix="tool-",
        agents=["after-hours"],
        degraded=True,
        message="The LLM endpoint answered 503 for 12 of 40 calls; these were grouped by wording.",
    )
    dental.state(dental.metric("CSAT", **about), "skipped_not_enough_data")
    dental.metric("Identity check before disclosure", description="Asks for the date of birth.")
    dental.state(dental.metric("Relevancy"), "pending")
    metric = dental.metric("STT Errors")
    dental.audit(metric, [Theme("Surnames are garbled", 6, quote="Hello")], prefix="stt-")
    dental.state(metric, "running")
    dental.state(
        dental.metric("Hallucination"),
        "failed",
        error_message="Dagster run 6f1c was lost. No sign of life for 90 seconds: the process is "
        "gone.",
        dagster_run_id="6f1c0000-0000-0000-0000-000000000000",
    )
    dental.state(dental.metric("Emergency Triage"), "pending", created_at=NOW - timedelta(hours=1))
    dental.metric("Latency", type="custom_code")
    dental.view("After hours", ["after-hours"])
    _hostile(engine)
    for slug in (dental.slug, "hostile"):
        with engine.connect() as connection:
            project = find_project(connection, slug)
        make_digest(engine, Settings(auditor="wording"), project, date_of(TODAY), TODAY)
        with engine.begin() as connection:
            rule = NewRule(HOSTILE, "new_theme", "webhook", "ALERT_URL", "ALERT_SECRET")
            add_rule(connection, project, rule)
    return dental


def _hostile(engine: Engine) -> None:
    project = Sample.make(engine, HOSTILE, slug="hostile")
    metric = project.metric(f"Judge {HOSTILE}", description=HOSTILE * 3)
    project.audit(
        metric,
        [
            Theme(HOSTILE, 12, HOSTILE + "long" * 2_500, HOSTILE, quote="I said Tuesday"),
            Theme("شكوى من الموعد الخطأ", 3, "لم يفهم الوكيل اليوم المطلوب", quote="Tuesday"),
        ],
        prefix=f"a/b?c#d%&{HOSTILE}/..//",
        unassigned=1,
    )
    long_line = "x" * 10_000
    project.calls(
        ODD_IDS,
        turns=[
            {"role": "user", "content": HOSTILE},
            {"role": "agent", "content": long_line, "speaker": HOSTILE},
            {"role": "tool_call", "content": long_line, "tool_name": HOSTILE},
        ],
        metadata={"recording_url": "https://example.com/a.wav", HOSTILE: HOSTILE},
    )
    project.results(metric, ODD_IDS, explanation=HOSTILE + long_line)
