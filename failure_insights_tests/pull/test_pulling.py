"""Pulled sources against servers with the providers' paging, limits and errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from failure_insights.pull.api import BadMoment, KeyRefused, LimitReached, SourceFailed
from failure_insights.pull.pulling import GIVE_UP_AFTER, Busy, PullReport, pull
from failure_insights.store.sources import (
    SOURCE_KINDS,
    NewSource,
    SourceRow,
    add_source,
    find_source,
    take_source,
)
from failure_insights_tests.pull.providers import (
    NOW,
    FakeCall,
    FakeElevenLabs,
    FakeRetell,
    FakeVapi,
    calls,
)
from failure_insights_tests.pull.server import (
    ProviderServer,
    Reply,
    Request,
    failing_after,
    no_fault,
    refusing_once,
)
from failure_insights_tests.pull.tracing import FakeLangfuse3, FakeLangfuse4, FakePhoenix
from failure_insights_tests.refusals import refused

pytestmark = pytest.mark.slow

Fake = Callable[[list[FakeCall]], Callable[[Request], Reply]]
#: Each provider, and Langfuse twice: as it is, and as it was up to version 3.
FAKES: dict[str, Fake] = {
    "vapi": FakeVapi,
    "retell": FakeRetell,
    "elevenlabs": FakeElevenLabs,
    "langfuse": FakeLangfuse4,
    "langfuse 3": FakeLangfuse3,
    "phoenix": FakePhoenix,
}
#: What a request for one call has in it.
OF_ONE_CALL = ("/get-call/", "/conversations/", "/traces/", "/v1/sessions/")


@dataclass
class Pulled:
    """A source on a provider's server."""

    engine: Engine
    server: ProviderServer
    name: str

    @property
    def source(self) -> SourceRow:
        with self.engine.connect() as connection:
            return find_source(connection, self.name)

    def pull(self, now: datetime = NOW, key: str | None = "key", **options: Any) -> PullReport:
        options = {"secrets": lambda _: key, "first_pause_s": 0.001, **options}
        return pull(self.engine, self.source, now=now, **options)

    def ids(self) -> set[str]:
        return {call_id for call_id, _ in self.stored()}

    def stored(self) -> list[tuple[str, str]]:
        statement = text(
            "SELECT call.call_id, transcript.turns -> -1 ->> 'content' FROM calls AS call"
            " JOIN transcripts AS transcript ON transcript.call_pk = call.id"
        )
        with self.engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(statement)]

    def details(self) -> int:
        """Return how many requests asked for one call."""
        return sum(
            any(part in request.path for part in OF_ONE_CALL) or "sessionId" in request.query
            for request in self.server.requests
        )


@contextmanager
def pulled(engine: Engine, provider: str, held: list[FakeCall], **fields: Any) -> Iterator[Pulled]:
    kind = next(each for each in SOURCE_KINDS if each == provider.split()[0])
    with ProviderServer(FAKES[provider](held)) as server:
        new = NewSource(
            f"{kind} calls",
            kind,
            "pull",
            "Clinic",
            key_env="KEY",
            user_env="USER" if kind == "langfuse" else None,
            base_url=server.url,
            since=NOW - timedelta(days=3),
        )
        with engine.begin() as connection:
            source = add_source(connection, replace(new, **fields))
        yield Pulled(engine, server, source.name)


@pytest.mark.parametrize("kind", FAKES)
def test_every_page_is_brought_once_and_the_next_pull_asks_for_little(
    engine: Engine, kind: str
) -> None:
    with pulled(engine, kind, calls(150)) as source:
        report = source.pull()
        assert (report.calls.new, report.calls.rejected, report.is_complete) == (150, 0, True)
        assert source.ids() == {f"call-{number}" for number in range(150)}
        assert source.source.cursor_at == NOW
        details = source.details()
        again = source.pull(NOW + timedelta(minutes=15))
        assert (again.calls.new, again.calls.updated, again.fetched) == (0, 0, 0)
        assert source.details() == details


@pytest.mark.parametrize("kind", FAKES)
def test_late_calls_and_late_verdicts_come_with_a_later_pull(engine: Engine, kind: str) -> None:
    held = calls(3)
    under_way = FakeCall("long", NOW - timedelta(minutes=30), NOW, is_over=False)
    held.append(under_way)
    with pulled(engine, kind, held) as source:
        assert source.pull().calls.new == 3
        under_way.is_over, under_way.changed = True, NOW + timedelta(minutes=10)
        held[0].passed, held[0].changed = False, NOW + timedelta(minutes=11)
        held[0].words = "Corrected."
        late = FakeCall("late", NOW - timedelta(minutes=2), NOW + timedelta(minutes=1))
        held.append(late)
        report = source.pull(NOW + timedelta(minutes=15))
        assert (report.calls.new, report.calls.updated, report.fetched) == (2, 1, 3)
        assert dict(source.stored())["call-0"] == "Corrected."
        assert {"long", "late"} <= source.ids()


@pytest.mark.parametrize("kind", FAKES)
@pytest.mark.parametrize(
    "fault",
    [Reply({}, 429, {"Retry-After": "0"}), Reply({}, 503), Reply(b"<html>", 502), Reply({}, 500)],
    ids=lambda reply: reply.status,
)
def test_limits_and_bad_moments_cost_no_call(engine: Engine, kind: str, fault: Reply) -> None:
    with pulled(engine, kind, calls(30)) as source:
        source.server.fault = refusing_once(fault, every=3)
        assert source.pull().calls.new == 30


@pytest.mark.parametrize("kind", FAKES)
def test_a_pull_that_is_cut_off_goes_on_where_it_was(engine: Engine, kind: str) -> None:
    with pulled(engine, kind, calls(120)) as source:
        for requests in (3, 20, 25):
            source.server.fault = failing_after(requests)
            with pytest.raises(SourceFailed):
                source.pull()
            before = source.ids()
        assert source.source.last_error
        source.server.fault = no_fault
        report = source.pull()
        assert report.calls.new == 120 - len(before)
        assert len(source.ids()) == 120
        assert source.source.last_error == ""


@pytest.mark.parametrize("kind", ["retell", "elevenlabs"])
def test_a_pull_that_has_used_its_time_keeps_what_it_brought(engine: Engine, kind: str) -> None:
    with pulled(engine, kind, calls(60)) as source:
        first = source.pull(seconds=0.0)
        assert (first.fetched, first.is_complete) == (0, False)
        pulls = 0
        while not source.pull(seconds=0.25).is_complete:
            pulls += 1
            assert pulls < 60
        assert len(source.ids()) == 60
        assert source.details() == 60


def test_many_calls_of_one_moment_are_not_missed(engine: Engine) -> None:
    moment = NOW - timedelta(hours=2)
    held = [FakeCall(f"c{number}", moment, moment) for number in range(250)]
    with pulled(engine, "vapi", held) as source:
        assert source.pull().calls.new == 250


@pytest.mark.parametrize("kind", ["retell", "elevenlabs"])
def test_one_call_that_cannot_be_fetched_costs_no_other_and_is_tried_again(
    engine: Engine, kind: str
) -> None:
    with pulled(engine, kind, calls(5)) as source:
        source.server.fault = lambda r: Reply({}, 500) if r.path.endswith("call-2") else None
        report = source.pull()
        assert (report.calls.new, len(report.failures), report.is_complete) == (4, 1, False)
        assert "call-2" in report.failures[0]
        assert source.source.cursor_at is None or source.source.cursor_at < NOW
        assert "call-2" in source.source.last_error
        source.server.fault = no_fault
        assert source.pull().calls.new == 1
        assert source.source.cursor_at == NOW


def test_a_call_that_fails_for_days_is_given_up_and_told(engine: Engine) -> None:
    with pulled(engine, "retell", calls(5)) as source:
        source.server.fault = lambda r: Reply({}, 500) if r.path.endswith("call-2") else None
        later = NOW + GIVE_UP_AFTER + timedelta(days=2)
        report = source.pull(later)
        assert (report.calls.new, len(report.failures)) == (4, 1)
        assert source.source.cursor_at == later


def test_a_call_that_is_gone_is_counted(engine: Engine) -> None:
    with pulled(engine, "elevenlabs", calls(3)) as source:
        source.server.fault = lambda r: Reply({}, 404) if r.path.endswith("call-1") else None
        report = source.pull()
        assert (report.calls.new, report.gone, report.is_complete) == (2, 1, True)


@pytest.mark.parametrize("kind", FAKES)
def test_a_key_that_is_refused_or_not_set_is_said_and_nothing_else_is_tried(
    engine: Engine, kind: str
) -> None:
    with pulled(engine, kind, calls(1)) as source:
        with pytest.raises(KeyRefused):
            source.pull(key="another")
        assert len(source.server.requests) == 1
        with refused("key_not_set", KeyRefused):
            source.pull(key=None)
        assert len(source.server.requests) == 1
        assert "KEY is not set" in source.source.last_error


def test_the_key_never_follows_a_redirect(engine: Engine) -> None:
    with ProviderServer(lambda _: Reply([])) as thief, pulled(engine, "vapi", calls(1)) as source:
        elsewhere = Reply({}, 307, {"Location": f"{thief.url}/call"})
        source.server.fault = lambda _: elsewhere
        with refused("source_redirects", SourceFailed):
            source.pull()
        assert thief.requests == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply({}, 429, {"Retry-After": "3600"}), LimitReached),
        (Reply({}, 429, {"Retry-After": "Wed, 25 Nov 2099 06:00:00 GMT"}), LimitReached),
        (Reply({}, 429, {"Retry-After": "soon"}), LimitReached),
        (Reply({}, 500), BadMoment),
        (Reply({}, 400), SourceFailed),
        (Reply(b"<html>not found</html>"), SourceFailed),
        (Reply({"results": "none"}), SourceFailed),
        (Reply("text"), SourceFailed),
    ],
)
def test_what_a_provider_answers_instead_of_calls_ends_the_pull_with_the_reason(
    engine: Engine, reply: Reply, error: type[SourceFailed]
) -> None:
    with pulled(engine, "vapi", calls(1)) as source:
        source.server.fault = lambda _: reply
        with pytest.raises(error) as raised:
            source.pull()
        assert type(raised.value) is error
        assert source.source.last_error == str(raised.value)
        assert source.source.cursor_at is None


def test_a_server_that_is_not_there_is_said(engine: Engine) -> None:
    nobody = "http://127.0.0.1:9"
    with (
        pulled(engine, "vapi", [], base_url=nobody) as source,
        pytest.raises(BadMoment, match=nobody),
    ):
        source.pull()


def test_an_id_of_a_provider_is_one_segment_of_a_path(engine: Engine) -> None:
    start = NOW - timedelta(hours=2)
    strange = ["..", "a/../../v2/get-call", "a?b=c#d", "é ü"]
    with pulled(engine, "retell", [FakeCall(each, start, start) for each in strange]) as source:
        report = source.pull()
        assert (report.calls.new, report.gone) == (3, 1)
        assert source.ids() == set(strange[1:])


def test_one_process_pulls_at_a_time(engine: Engine) -> None:
    with pulled(engine, "vapi", calls(1)) as source:
        with engine.begin() as connection:
            assert take_source(connection, source.source.id)
        with pytest.raises(Busy):
            source.pull()
        with engine.begin() as connection:
            connection.execute(text("UPDATE sources SET pulling_until = now() - interval '1 s'"))
        assert source.pull().calls.new == 1


def test_the_agent_of_a_source_is_that_of_its_calls(engine: Engine) -> None:
    with pulled(engine, "vapi", calls(1), agent="front-desk", only_id="asst-1") as source:
        source.pull()
        assert source.server.requests[0].one("assistantId") == "asst-1"
        with engine.connect() as connection:
            names = connection.execute(text("SELECT name FROM agents")).scalars().all()
        assert names == ["front-desk"]
