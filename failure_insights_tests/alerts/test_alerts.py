"""Alerts from a stored audit to a real receiver: what is told, once, signed, and harmless."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights.alerts.messages import harmless
from failure_insights.alerts.outbox import (
    PAUSES_S,
    Delivery,
    check_rules,
    deliver,
    preview,
    send_test,
)
from failure_insights.alerts.sending import NotDelivered
from failure_insights.audit.digests import make_digest
from failure_insights.domain.alerts import AlertKind
from failure_insights.domain.pools import date_of
from failure_insights.errors import BadInput
from failure_insights.settings import Settings
from failure_insights.store.alerts import (
    AlertRuleRow,
    NewRule,
    add_rule,
    find_rule,
    list_rules,
    messages_of,
    undelivered,
)
from failure_insights.store.projects import ProjectRow, find_project
from failure_insights_tests.alerts.receivers import mail_receiver, web_receiver
from failure_insights_tests.web.sample import NOW, TODAY, Sample, Theme

URL = "https://insights.example.com"
SECRET = "a secret of some length"


@dataclass
class Alerts:
    """A project with rules, a clock that can be moved, and an environment."""

    sample: Sample
    environment: dict[str, str] = field(default_factory=lambda: {"ALERT_SECRET": SECRET})
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def project(self) -> ProjectRow:
        with self.sample.engine.connect() as connection:
            return find_project(connection, self.sample.slug)

    def rule(
        self,
        kind: AlertKind,
        params: Mapping[str, Any] | None = None,
        channel: Any = "webhook",
        metric: str | None = None,
        **changes: Any,
    ) -> AlertRuleRow:
        fields = {
            "address_env": "ALERT_URL",
            "secret_env": "ALERT_SECRET" if channel == "webhook" else None,
            **changes,
        }
        rule = NewRule(f"on {kind}", kind, channel, metric=metric, params=params, **fields)
        with self.sample.engine.begin() as connection:
            return add_rule(connection, self.project, rule)

    def check(self) -> int:
        with self.sample.engine.begin() as connection:
            return check_rules(connection, URL, self.now)

    def deliver(self) -> Delivery:
        self.now = max(self.now, datetime.now(UTC))
        return deliver(self.sample.engine, self.environment.get, lambda: self.now)

    def titles(self, rule: AlertRuleRow) -> list[str]:
        with self.sample.engine.connect() as connection:
            return [row["title"] for row in messages_of(connection, rule["id"])]

    def bodies(self, rule: AlertRuleRow) -> str:
        with self.sample.engine.connect() as connection:
            return "\n".join(row["body"] for row in messages_of(connection, rule["id"]))


@pytest.fixture
def alerts(engine: Engine) -> Alerts:
    return Alerts(Sample.make(engine))


def test_each_kind_tells_of_its_own_and_of_nothing_twice(alerts: Alerts) -> None:
    sample = alerts.sample
    metric = sample.metric("CSAT")
    for days_ago in range(9, 0, -1):
        sample.audit(metric, [Theme("Growing", 2), Theme("Steady", 4)], days_ago=days_ago)
    new = alerts.rule("new_theme", {"least": 3})
    growing = alerts.rule("growing", {"preset": "daily"})
    failed = alerts.rule("audit_failed")
    assert alerts.check() == 0  # what was there before the rules is no news
    sample.audit(
        metric, [Theme("Growing", 9), Theme("Steady", 5), Theme("Fresh", 3), Theme("Rare", 2)]
    )
    sample.state(sample.metric("Relevancy"), "failed", error_message="The key was refused.")
    sample.run("UPDATE insights SET finished_at = clock_timestamp() WHERE status = 'failed'")
    assert alerts.check() == 3
    assert alerts.titles(new) == ["Willow Dental: 1 new theme"]
    assert "Fresh (CSAT): new, 3 calls" in alerts.bodies(new)
    assert "Growing (CSAT): grows, 9 calls where 2 were to be expected" in alerts.bodies(growing)
    assert "Steady" not in alerts.bodies(growing) + alerts.bodies(new)
    assert "Relevancy failed: The key was refused." in alerts.bodies(failed)
    assert f"{URL}/projects/{sample.slug}/insights/" in alerts.bodies(new)
    assert alerts.check() == 0
    sample.audit(metric, [Theme("Growing", 9), Theme("Fresh", 4)])  # asked for again
    assert alerts.check() == 0


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("a backfill of an earlier day", {"days_ago": 20}),
        ("an audit that was grouped by wording for want of the LLM", {"degraded": True}),
    ],
)
def test_what_is_no_news_is_not_told(alerts: Alerts, why: str, changes: dict[str, Any]) -> None:
    rule = alerts.rule("new_theme")
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme("Fresh", 5)], **changes)
    assert alerts.check() == 0, why
    assert alerts.titles(rule) == []


def test_audits_that_run_together_are_told_together(alerts: Alerts) -> None:
    rule = alerts.rule("new_theme")
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme("One", 5)])
    alerts.sample.state(alerts.sample.metric("Relevancy"), "running")
    assert alerts.check() == 0
    alerts.now += timedelta(minutes=16)
    assert alerts.check() == 1
    assert alerts.titles(rule) == ["Willow Dental: 1 new theme"]


def test_a_rule_of_one_metric_hears_of_no_other(alerts: Alerts) -> None:
    metric = alerts.sample.metric("CSAT")
    rule = alerts.rule("new_theme", metric="CSAT")
    alerts.sample.audit(alerts.sample.metric("Relevancy"), [Theme("Other", 5)])
    assert alerts.check() == 0
    alerts.sample.audit(metric, [Theme("Mine", 5)], prefix="mine-")
    assert alerts.check() == 1
    assert "Mine" in alerts.bodies(rule)


def test_silence_is_told_once_and_the_digest_once_a_day(alerts: Alerts) -> None:
    sample = alerts.sample
    quiet = alerts.rule("no_audit", {"hours": 26})
    morning = alerts.rule("digest")
    sample.audit(sample.metric("CSAT"), [Theme("Fresh", 5)])
    wording = Settings(_env_file=None, auditor="wording")
    make_digest(sample.engine, wording, alerts.project, date_of(TODAY), NOW)
    assert alerts.check() == 1
    make_digest(sample.engine, wording, alerts.project, date_of(TODAY), NOW)
    assert alerts.check() == 0
    assert "new: Fresh (CSAT 5)" in alerts.bodies(morning)
    alerts.now += timedelta(hours=30)
    assert alerts.check() == 1
    assert alerts.check() == 0
    assert "No audit of any metric has ended since" in alerts.bodies(quiet)


def test_a_webhook_is_signed_and_says_the_same_id_at_each_attempt(alerts: Alerts) -> None:
    alerts.rule("new_theme")
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme("Fresh", 5)])
    alerts.check()
    with web_receiver() as web:
        alerts.environment["ALERT_URL"] = f"{web.url}/hook?token=abc"
        web.answers += [500]
        assert alerts.deliver().postponed == 1
        assert alerts.deliver() == Delivery()  # not before its time
        alerts.now += timedelta(seconds=PAUSES_S[0] + 1)
        assert alerts.deliver().sent == 1
        assert alerts.deliver() == Delivery()
    first, second = web.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    stamp = second.headers["webhook-timestamp"]
    signed = f"{second.headers['webhook-id']}.{stamp}.".encode() + second.body
    mac = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert second.headers["webhook-signature"] == f"v1,{mac}"
    assert second.json["type"] == "failure_insights.new_theme"
    assert [event["title"] for event in second.json["events"]] == ["Fresh"]
    assert len(second.json["events"][0]["call_ids"]) == 5


def test_a_message_is_given_up_in_the_end_and_the_rule_says_so(alerts: Alerts) -> None:
    rule = alerts.rule("new_theme")
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme("Fresh", 5)])
    alerts.check()
    attempts = 0
    for pause in (*PAUSES_S, 1):
        done = alerts.deliver()
        attempts += done.postponed + len(done.given_up)
        alerts.now += timedelta(seconds=pause + 1)
    assert attempts == len(PAUSES_S) + 1
    assert "ALERT_URL is not set" in done.given_up[0]
    with alerts.sample.engine.connect() as connection:
        row = find_rule(connection, alerts.project, rule["id"])
        assert undelivered(connection, alerts.project.id) == 1
    assert (row["waiting"], row["given_up"]) == (0, 1)
    assert "ALERT_URL is not set" in row["last_error"]


def test_a_message_of_a_sender_that_died_is_sent_by_another(alerts: Alerts) -> None:
    alerts.rule("new_theme")
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme("Fresh", 5)])
    alerts.check()
    with web_receiver() as web:
        alerts.environment["ALERT_URL"] = web.url

        def dies(_: str) -> str:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            deliver(alerts.sample.engine, dies, lambda: datetime.now(UTC))
        assert alerts.deliver() == Delivery()
        alerts.now += timedelta(minutes=6)
        assert alerts.deliver().sent == 1
    assert len(web.got) == 1


HOSTILE = "<!channel> <b>bold</b> *x* [go](https://evil.example) @everyone `rm` \u202ertl www.evil"


def test_mail_and_chat_get_plain_words_of_what_strangers_wrote(alerts: Alerts) -> None:
    rule = alerts.rule("new_theme", channel="apprise")
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme(HOSTILE, 5)])
    alerts.check()
    assert "evil" in alerts.bodies(rule)
    with web_receiver() as web, mail_receiver() as box:
        host = web.url.removeprefix("http://")
        mail = f"mailto://127.0.0.1:{box.port}?from=fi@example.com&to=qa@example.com&mode=insecure"
        chat = f"mmost://{host}/3ccdd113474722377935511fc85d3dd4"
        alerts.environment["ALERT_URL"] = f"json://{host}/json {chat} {mail}"
        web.answers += [200, 200]
        assert alerts.deliver().sent == 1, alerts.bodies(rule)
    (received,) = box.mails
    assert "1 new theme" in received["Subject"]
    texts = [
        part.get_content() for part in received.walk() if part.get_content_maintype() == "text"
    ]
    texts += [request.body.decode() for request in web.got]
    assert len(web.got) == 2
    for text in texts:
        assert "evil" in text
        for mark in ("<b>", "<!channel>", "https://evil", "](", "@everyone", "*x*", "\u202e"):
            assert mark not in text, (mark, text)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "not allowed"),
        ("http://[fe80::1]/", "not allowed"),
        ("http://[::ffff:169.254.169.254]/", "not allowed"),
        ("http://0.0.0.0/", "not allowed"),
        ("file:///etc/passwd", "begins with https"),
        ("http://127.0.0.1:9/?token=hidden", "could not be reached"),
        ("http://no-such-host.invalid/", "not known"),
    ],
)
def test_an_address_that_is_not_allowed_gets_nothing_and_is_not_told(
    alerts: Alerts, address: str, reason: str
) -> None:
    rule = alerts.rule("digest")
    alerts.environment["ALERT_URL"] = address
    with (
        alerts.sample.engine.connect() as connection,
        pytest.raises(NotDelivered, match=reason) as refused,
    ):
        send_test(connection, alerts.project, rule["id"], URL, NOW, alerts.environment.get)
    assert "hidden" not in str(refused.value)
    assert "ALERT_URL" in str(refused.value)


@pytest.mark.parametrize(
    "address", ["dbus://", "syslog://", "sk-not-an-address", "json://169.254.1.1/"]
)
def test_apprise_is_given_no_address_of_this_machine_or_of_the_cloud(
    alerts: Alerts, address: str
) -> None:
    rule = alerts.rule("digest", channel="apprise")
    alerts.environment["ALERT_URL"] = address
    with (
        alerts.sample.engine.connect() as connection,
        pytest.raises(NotDelivered) as refused,
    ):
        send_test(connection, alerts.project, rule["id"], URL, NOW, alerts.environment.get)
    assert address not in str(refused.value)


def test_a_redirect_is_not_followed_by_either_way(alerts: Alerts) -> None:
    hook = alerts.rule("digest")
    chat = alerts.rule("new_theme", channel="apprise", address_env="ALERT_CHAT")
    with web_receiver() as web, alerts.sample.engine.connect() as connection:
        alerts.environment["ALERT_URL"] = web.url
        alerts.environment["ALERT_CHAT"] = web.url.replace("http://", "json://")
        for rule in (hook, chat):
            web.answers += [307]
            with pytest.raises(NotDelivered):
                send_test(connection, alerts.project, rule["id"], URL, NOW, alerts.environment.get)
    assert [request.path for request in web.got] == ["/", "/"]


def test_a_preview_shows_the_last_days_and_sends_nothing(alerts: Alerts) -> None:
    alerts.sample.audit(alerts.sample.metric("CSAT"), [Theme("Fresh", 5)])
    rule = alerts.rule("new_theme")
    with alerts.sample.engine.connect() as connection:
        shown = preview(connection, alerts.project, rule["id"], URL, alerts.now)
        assert shown
        assert "Fresh (CSAT): new, 5 calls" in shown.body
        assert messages_of(connection, rule["id"]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address_env": "OPENAI_API_KEY"}, "begins with ALERT_"),
        ({"secret_env": "PATH"}, "begins with ALERT_"),
        ({"secret_env": None}, "needs secret_env"),
        ({"channel": "apprise", "secret_env": "ALERT_SECRET"}, "for webhooks"),
        ({"kind": "digest", "metric": "CSAT"}, "of all metrics"),
        ({"kind": "digest", "params": {"least": 3}}, "no numbers"),
        ({"params": {"least": 0}}, "from 1 to"),
        ({"kind": "growing", "params": {"preset": "weekly"}}, "slow, daily, fast"),
        ({"kind": "growing", "params": {"factor": True}}, "factor"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_the_reason(
    alerts: Alerts, changes: dict[str, Any], words: str
) -> None:
    alerts.sample.metric("CSAT")
    fields = {"kind": "new_theme", **changes}
    with pytest.raises(BadInput, match=words):
        alerts.rule(**fields)
    with alerts.sample.engine.connect() as connection:
        assert list_rules(connection, alerts.project) == []


def test_harmless_text_is_one_short_line() -> None:
    assert harmless("a\nb\x00\x1b[31m") == "a b 31m"
    assert len(harmless("word " * 1_000)) <= 500
