"""Importing calls: what is stored, what a second import does, and what a bad line costs."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from failure_insights.domain.metrics import MetricCard, PassRule
from failure_insights.domain.pools import PoolRule
from failure_insights.errors import BadInput
from failure_insights.ingest import import_calls as importing
from failure_insights.ingest.import_calls import import_calls
from failure_insights.ingest.report import ImportReport, LineResult
from failure_insights.sources import ReadCall, native, reader
from failure_insights.store.calls import read_call
from failure_insights.store.pools import PoolRequest, read_pools
from failure_insights.store.projects import (
    find_metric,
    find_project,
    put_metric,
    put_pass_rule,
)
from failure_insights_tests.refusals import refused


def call(call_id: str = "c-1", **fields: Any) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "project": "Willow Dental",
        "agent": "front-desk",
        "started_at": "2026-11-23T09:30:00+00:00",
        "duration_s": 42.5,
        "ended_reason": "hangup",
        "transcript": [
            {"role": "user", "content": "Kann ich Freitag kommen? 🦷", "start_s": 0.5},
            {"role": "tool_call", "content": '{"day": "Friday"}', "tool_name": "find_slots"},
            {"role": "agent", "content": "We are closed.\nSorry.\t\\N", "speaker": "Ann"},
        ],
        "metadata": {"campaign": "spring", "tries": [1, 2.5, None], "a": {"b": True}},
        "metrics": [{"name": "Hallucination", "passed": False, "explanation": "It is open."}],
    } | fields


def lines(*calls: dict[str, Any]) -> list[bytes]:
    return [json.dumps(line).encode() + b"\n" for line in calls]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.new, report.updated, report.unchanged, report.rejected


def take(engine: Engine, *calls: dict[str, Any], **options: Any) -> tuple[int, int, int, int]:
    return counts(import_calls(engine, lines(*calls), **options))


def stored(engine: Engine, call_id: str = "c-1", project: str = "willow-dental") -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(read_call(connection, find_project(connection, project), call_id))


def verdicts(
    engine: Engine, call_id: str = "c-1", project: str = "willow-dental"
) -> dict[str, bool | None]:
    results = stored(engine, call_id, project)["metrics"]
    return {result["name"]: result["passed"] for result in results}


def card(engine: Engine, metric: str, project: str = "willow-dental") -> MetricCard:
    with engine.connect() as connection:
        return find_metric(connection, find_project(connection, project).id, metric).card


def everything(engine: Engine) -> dict[str, list[Any]]:
    """Return every row of the store with the transaction that wrote or locked it last."""
    tables = ("projects", "agents", "metrics", "calls", "transcripts", "metric_results")
    with engine.connect() as connection:
        return {
            table: sorted(
                map(str, connection.execute(text(f"SELECT xmin, xmax, t.* FROM {table} AS t")))
            )
            for table in tables
        }


def test_a_call_is_stored_as_it_was_sent(engine: Engine) -> None:
    sent = call()
    assert take(engine, sent) == (1, 0, 0, 0)
    kept = stored(engine)
    assert kept["started_at"] == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    same = {"call_id", "agent", "duration_s", "ended_reason", "transcript", "metadata"}
    assert {key: kept[key] for key in same} == {key: sent[key] for key in same}
    (result,) = kept["metrics"]
    assert (result["name"], result["passed"]) == ("Hallucination", False)
    assert (result["score"], result["explanation"]) == (None, "It is open.")


def test_the_same_file_again_writes_nothing_at_all(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    scored = [{"name": "CSAT", "score": 1.50, "pass_rule": ">= 4"}, {"name": "Wait", "score": 3}]
    scored[1]["passed"] = True
    file.write_bytes(b"".join(lines(*(call(f"c-{n}", metrics=scored) for n in range(7)))))
    with file.open("rb") as opened:
        assert counts(import_calls(engine, opened)) == (7, 0, 0, 0)
    before = everything(engine)
    with file.open() as opened:
        assert counts(import_calls(engine, opened)) == (0, 0, 7, 0)
    assert everything(engine) == before


def test_a_call_that_was_read_back_and_is_sent_again_is_unchanged(engine: Engine) -> None:
    take(engine, call(metadata={"z": 1.0, "a": 1e3, "tiny": 1e-7, "big": 2**70}, duration_s=3))
    again = stored(engine)
    again["started_at"] = again["started_at"].isoformat()
    assert take(engine, again) == (0, 0, 1, 0)


def test_each_bad_line_is_named_and_the_good_ones_are_kept(engine: Engine) -> None:
    long = [{"role": "user", "content": "word " * 200_000}]
    bad: list[tuple[dict[str, Any] | bytes, str | None, str]] = [
        (b'{"call_id": "c-1"\n', None, "not JSON"),
        (b"\xff\n", None, "not JSON"),
        (call("b1", agent=None), "b1", "agent is missing"),
        (call("b2", started_at="2026-11-23T09:30:00"), "b2", "has no zone"),
        (call("b4", transcript=long), "b4", "tokens"),
        (call("b5", project="?"), "b5", "no letter or digit"),
    ]
    sent: list[bytes] = []
    for number, (line, _, _) in enumerate(bad):
        sent += lines(call(f"good-{number}"))
        sent += [line] if isinstance(line, bytes) else lines(line)
    results: list[LineResult] = []
    report = import_calls(engine, sent, on_line=results.append)
    assert counts(report) == (len(bad), 0, 0, len(bad))
    assert [result.line for result in results] == list(range(1, 2 * len(bad) + 1))
    assert [(r.status, r.call_id, r.reason) for r in results[::2]] == [
        ("new", f"good-{number}", None) for number in range(len(bad))
    ]
    for result, (_, call_id, reason) in zip(results[1::2], bad, strict=True):
        assert (result.status, result.call_id) == ("rejected", call_id)
        assert reason in (result.reason or "")
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM metrics")).scalars().all()
    assert names == ["Hallucination"]


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_lines_of_one_call_are_merged_in_one_import_as_over_many(
    engine: Engine, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH_LINES", batch)
    poorer = call(transcript=[], duration_s=None, metadata=None, metrics=[], agent="x")
    more = call(metrics=[{"name": "CSAT", "passed": True}], ended_reason="transfer")
    sent = [poorer, call(), call(), poorer, more, call(project="Bank"), call("c-2")]
    results: list[LineResult] = []
    report = import_calls(engine, lines(*sent), on_line=results.append)
    assert [r.status for r in results] == [
        *("new", "updated", "unchanged", "unchanged", "updated", "new", "new"),
    ]
    kept = stored(engine)
    assert (kept["agent"], kept["ended_reason"]) == ("front-desk", "transfer")
    assert kept["transcript"] == call()["transcript"]
    assert verdicts(engine) == {"Hallucination": False, "CSAT": True}
    assert (report.without_turns.count, report.without_results.count) == (0, 0)
    assert take(engine, *sent[:5]) == (0, 2, 3, 0), "the reason goes back and forth"
    assert take(engine, *sent[3:]) == (0, 0, 4, 0)


def test_messages_of_a_provider_make_one_call_in_any_order(engine: Engine) -> None:
    def event(number: int, **fields: Any) -> dict[str, Any]:
        turns = [{"role": "agent", "content": "Hi."}, {"role": "user", "content": "Brakes."}]
        ended = {"call_status": "ended", "transcript_object": turns[:number], **fields}
        started = 1767607200000
        return {
            "event": "call_ended",
            "call": {"call_id": "r", "agent_id": "a", "start_timestamp": started, **ended},
        }

    events = [
        event(2, end_timestamp=1767607260500, duration_ms=60500),
        event(1, disconnection_reason="user_hangup"),
        event(0),
    ]
    for number, order in enumerate(permutations(events)):
        for place in (f"one {number}", *["many"] * (number == 0)):
            report = import_calls(engine, lines(*order), project=place)
            assert (report.new, report.rejected) == (1, 0)
    for order in permutations(events):
        for one in order:
            assert take(engine, one, project="many") == (0, 0, 1, 0)
    nowhere = {"id": 0, "project": "", "project_id": 0, "agent_id": 0}
    kept = [{**stored(engine, "r", f"one-{number}"), **nowhere} for number in range(6)]
    assert kept == [kept[0]] * 6
    assert (len(kept[0]["transcript"]), kept[0]["duration_s"]) == (2, 60.5)
    assert kept[0]["ended_reason"] == "user_hangup"


def test_results_that_come_later_are_added_or_changed_and_never_removed(engine: Engine) -> None:
    take(engine, call())
    assert take(engine, call(metrics=[{"name": "CSAT", "passed": True}])) == (0, 1, 0, 0)
    assert verdicts(engine) == {"Hallucination": False, "CSAT": True}
    changed = [{"name": "hallucination", "passed": True, "explanation": "On a closer look."}]
    assert take(engine, call(metrics=changed)) == (0, 1, 0, 0)
    assert verdicts(engine) == {"Hallucination": True, "CSAT": True}
    assert take(engine, call(metrics=[])) == (0, 0, 1, 0)
    assert verdicts(engine) == {"Hallucination": True, "CSAT": True}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agent", "night-line"),
        ("started_at", "2026-11-20T08:00:00+00:00"),
        ("transcript", [{"role": "user", "content": "Nein."}] * 3),
        ("duration_s", 41.0),
        ("ended_reason", "transfer"),
        ("metadata", call()["metadata"] | {"campaign": "autumn"}),
    ],
)
def test_a_call_that_comes_again_is_as_it_says_now(engine: Engine, field: str, value: Any) -> None:
    take(engine, call(), call("c-2"))
    assert take(engine, call(**{field: value}), call("c-2")) == (0, 1, 1, 0)
    kept = stored(engine)
    now = kept[field].isoformat() if field == "started_at" else kept[field]
    assert now == value
    with engine.connect() as connection:
        times = "SELECT result.started_at = call.started_at FROM metric_results AS result"
        held = connection.execute(text(f"{times} JOIN calls AS call ON call.id = result.call_pk"))
        assert held.scalars().all() == [True, True]


def rated(call_id: str, score: Any, **fields: Any) -> dict[str, Any]:
    return call(call_id, metrics=[{"name": "Mood", "score": score} | fields])


def test_a_score_is_judged_by_its_own_rule_or_else_by_the_card_s(engine: Engine) -> None:
    assert take(engine, rated("a", 3), rated("e", 5, passed=False)) == (2, 0, 0, 0)
    assert [verdicts(engine, c)["Mood"] for c in "ae"] == [None, False]
    sent = [rated("b", 3, pass_rule=">= 3"), rated("c", 2), rated("d", 2, pass_rule=">= 2")]
    assert take(engine, *sent, rated("w", "fine")) == (4, 0, 0, 0)
    assert card(engine, "Mood").pass_rule == ">= 3"
    assert [verdicts(engine, c)["Mood"] for c in "abcdew"] == [True, True, False, True, False, None]
    assert take(engine, rated("f", 2), rated("g", 5)) == (2, 0, 0, 0)
    assert [verdicts(engine, c)["Mood"] for c in "fg"] == [False, True]


def test_another_rule_judges_what_a_rule_or_nobody_judged(engine: Engine) -> None:
    sent = [
        *(rated("a", 3), rated("b", 2.50), rated("c", "fine"), rated("d", True)),
        *(rated("e", 5, passed=False), rated("f", None, passed=True)),
    ]
    take(engine, *sent)

    def put(rule: str | None) -> list[bool | None]:
        with engine.begin() as connection:
            project = find_project(connection, "willow-dental").id
            put_metric(connection, project, MetricCard("mood", pass_rule=rule))
        return [verdicts(engine, c)["Mood"] for c in "abcdef"]

    assert put(None) == [None, None, None, None, False, True]
    assert put(">= 3") == [True, False, None, False, False, True]
    assert put("< 3") == [False, True, None, True, False, True]
    assert put(None) == [False, True, None, True, False, True], "without a rule verdicts stay"
    assert put("in fine, 2.5") == [False, True, True, False, False, True]
    assert put(">= 1") == [True, True, None, True, False, True], "a word is no number"
    with engine.begin() as connection:
        project = find_project(connection, "willow-dental").id
        metric, judged = put_pass_rule(connection, project, "Mood", PassRule.parse("> 3"))
    assert (metric.card.pass_rule, judged) == ("> 3", 3)
    assert take(engine, *sent) == (0, 0, 6, 0)


def test_a_score_that_nobody_has_judged_is_in_no_pool_and_is_told(engine: Engine) -> None:
    report = import_calls(engine, lines(rated("a", 1), rated("b", 1), rated("b", 1)))
    assert report.unjudged == {("Willow Dental", "Mood"): 2}
    assert import_calls(engine, lines(rated("a", 1))).unjudged.total() == 1
    with engine.connect() as connection:
        metric = find_metric(connection, find_project(connection, "willow-dental").id, "Mood")
        request = PoolRequest(metric.id, datetime(2026, 11, 24, tzinfo=UTC))
        ((_, calls),) = read_pools(connection, [request], PoolRule())
        assert not calls


def test_a_metric_is_made_on_sight_and_learns_a_type_that_nobody_chose(engine: Engine) -> None:
    def typed(call_id: str, name: str, type: str | None = None) -> dict[str, Any]:
        return call(call_id, metrics=[{"name": name, "passed": True, "type": type}])

    take(engine, typed("a", "Politeness"), typed("b", "Latency"), typed("c", "Speed"))
    assert [card(engine, n).type for n in ("Politeness", "Latency")] == ["llm_judge", "custom_code"]
    take(engine, typed("d", "Speed", "custom_code"))
    assert (card(engine, "Speed").type, card(engine, "Speed").is_eligible) == ("custom_code", False)
    take(engine, typed("e", "Speed", "llm_judge"))
    assert card(engine, "Speed").type == "custom_code"
    with engine.connect() as connection:
        eligible = connection.execute(text("SELECT name FROM metrics WHERE is_eligible"))
        assert eligible.scalars().all() == ["Politeness"]


def test_spellings_of_one_name_are_one_and_the_first_is_kept(engine: Engine) -> None:
    other = [{"name": "HALLUCINATION ", "passed": True}]
    sent = [call("a"), call("b", project="willow dental", metrics=other), call("c", agent="Desk ")]
    assert take(engine, *sent) == (3, 0, 0, 0)
    assert take(engine, call("b", project="Willow-Dental", metrics=other)) == (0, 0, 1, 0)
    with engine.connect() as connection:
        for table, names in (
            ("projects", ["Willow Dental"]),
            ("metrics", ["Hallucination"]),
            ("agents", ["Desk", "front-desk"]),
        ):
            found = connection.execute(text(f"SELECT name FROM {table} ORDER BY name"))
            assert found.scalars().all() == names


def test_names_that_share_a_slug_are_two_and_the_second_s_slug_is_told(engine: Engine) -> None:
    metrics = [{"name": name, "passed": name == "Yes/No"} for name in ("Yes/No", "Yes No", "Y?")]
    names = ("C#", "C++", "C", "C #2")
    sent = [call("x", project=name, agent=name, metrics=metrics) for name in names]
    report = import_calls(engine, lines(*sent))
    assert counts(report) == (4, 0, 0, 0)
    assert report.told == [
        "project 'C++' has the slug c-2: c is 'C#'",
        "project 'C' has the slug c-3: c is 'C#'",
        "project 'C #2' has the slug c-2-2: c-2 is 'C++'",
        *["metric 'Yes No' has the slug yes-no-2: yes-no is 'Yes/No'"] * 4,
    ]
    for name, slug in zip(names, ("c", "c-2", "c-3", "c-2-2"), strict=True):
        kept = stored(engine, "x", slug)
        assert (kept["agent"], kept) == (name, stored(engine, "x", name))
        assert verdicts(engine, "x", slug) == {"Yes/No": True, "Yes No": False, "Y?": False}
    again = import_calls(engine, lines(*sent[::-1]))
    assert (counts(again), again.told) == ((0, 0, 4, 0), [])
    assert take(engine, call("x", agent="C++", metrics=[]), project="c-2") == (0, 0, 1, 0)
    assert take(engine, call("x", project="c-2", metrics=[])) == (1, 0, 0, 0), "a name, no slug"


def test_a_named_project_takes_every_call(engine: Engine) -> None:
    sent = [call("a"), call("b", project=None), call("c", project=7)]
    assert take(engine, *sent, project="Bank") == (3, 0, 0, 0)
    assert stored(engine, "a", "bank")["project"] == "bank"
    with refused("name_without_letters", BadInput):
        take(engine, call(), project="!")


def test_marks_blank_lines_and_line_ends_do_not_matter(engine: Engine) -> None:
    one, two = lines(call("a"), call("b"))
    sent = [b"\xef\xbb\xbf" + one.rstrip() + b"\r\n", b"\r\n", b"  \n", two.rstrip(), b"{"]
    results: list[LineResult] = []
    assert counts(import_calls(engine, sent, on_line=results.append)) == (2, 0, 0, 1)
    assert [result.line for result in results] == [1, 4, 5]
    as_text = ["\ufeff" + sent[0].decode("utf-8-sig"), *map(bytes.decode, sent[1:4])]
    assert counts(import_calls(engine, as_text)) == (0, 0, 2, 0)
    assert counts(import_calls(engine, [])) == (0, 0, 0, 0)


def test_a_provider_s_lines_are_taken_in_its_own_format(engine: Engine) -> None:
    sent = {
        "call_id": "v1",
        "agent": 2421,
        "timestamp": "2026-11-23T10:30:00Z",
        "transcript_json": [{"role": "Main Agent", "content": "Hi", "start_time": 1}],
    }
    report = import_calls(engine, [json.dumps(sent)], project="Bank", read=reader("cekura"))
    assert counts(report) == (1, 0, 0, 0)
    assert stored(engine, "v1", "bank")["agent"] == "2421"


def test_calls_that_came_before_the_lines_broke_off_are_kept(engine: Engine) -> None:
    def broken() -> Iterable[bytes]:
        yield from lines(call("a"), call("b"))
        raise BadInput("the array is not JSON after its element 2")

    with pytest.raises(BadInput, match="element 2"):
        import_calls(engine, broken())
    assert stored(engine, "b")["call_id"] == "b"


def test_a_call_that_postgres_refuses_costs_no_other(engine: Engine) -> None:
    def careless(payload: Mapping[str, Any], project: str | None) -> ReadCall:
        read = native.read(payload, project)
        if read.call.call_id == "c-3":
            return replace(read, call=replace(read.call, agent="\0"))
        return read

    results: list[LineResult] = []
    sent = lines(*(call(f"c-{n}") for n in range(7)), call("c-5"))
    report = import_calls(engine, sent, read=careless, on_line=results.append)
    assert counts(report) == (6, 0, 1, 1)
    assert [r.line for r in results if r.status == "rejected"] == [4]
    assert "Postgres" in (results[3].reason or "")


def test_imports_at_once_neither_wait_for_ever_nor_count_a_call_twice(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH_LINES", 5)
    sent = [
        call(
            f"c-{n}",
            project=f"Project {n % 3}",
            agent=f"agent-{n % 4}",
            metrics=[{"name": f"Metric {n % 5}", "score": n % 2, "pass_rule": "= 1"}],
        )
        for n in range(120)
    ]
    orders = [sent, sent[::-1], sent[60:] + sent[:60], sent[::2] + sent[1::2]]
    with ThreadPoolExecutor(len(orders)) as pool:
        reports = [*pool.map(lambda order: take(engine, *order), orders)]
    assert sum(report[0] for report in reports) == 120
    assert [sum(report) for report in reports] == [120] * 4
    assert sum(report[1] + report[3] for report in reports) == 0
    with engine.connect() as connection:
        for table, rows in (("projects", 3), ("agents", 12), ("metrics", 15), ("calls", 120)):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == rows


def test_progress_is_told_batch_by_batch(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_LINES", 2)
    told: list[int] = []
    sent = lines(*(call(f"c-{n}") for n in range(5)))
    import_calls(engine, sent, on_progress=lambda report: told.append(report.new))
    assert told == [2, 4, 5]
