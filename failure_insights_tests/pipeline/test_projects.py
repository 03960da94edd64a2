"""Finding projects and metrics by what people call them, and putting cards and views."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from failure_insights.domain.metrics import MetricCard
from failure_insights.errors import BadInput, UnknownName
from failure_insights.ingest.import_calls import import_calls
from failure_insights.store.projects import (
    ProjectRow,
    eligible_pairs,
    find_metric,
    find_project,
    pairs_by_key,
    put_metric,
    put_view,
)
from failure_insights_tests.pipeline.test_import import call, lines


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction on a store with two projects and four metrics."""
    judged = [{"name": name, "passed": True} for name in ("Tool call Accuracy", "Latency", "Mood")]
    sent = lines(
        call("a", metrics=judged), call("b", agent="night-line"), call("c", project="Bank")
    )
    assert import_calls(engine, sent).new == 3
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def willow(connection: Connection) -> ProjectRow:
    return find_project(connection, "willow-dental")


@pytest.mark.parametrize(
    "name", ["willow-dental", "Willow Dental", "WILLOW dental", " Willow  Dental "]
)
def test_a_project_is_found_by_name_or_slug(
    connection: Connection, willow: ProjectRow, name: str
) -> None:
    assert find_project(connection, name) == willow


@pytest.mark.parametrize("name", ["tool-call-accuracy", "Tool call Accuracy", "tool Call accuracy"])
def test_a_metric_is_found_by_name_or_slug(
    connection: Connection, willow: ProjectRow, name: str
) -> None:
    found = find_metric(connection, willow.id, name)
    assert (found.key, found.card.name) == (
        "willow-dental/tool-call-accuracy",
        "Tool call Accuracy",
    )
    assert found.card.is_eligible


@pytest.mark.parametrize("name", ["Willow", "", "\0", "\udcff", "x" * 10_000, "willow-dental/mood"])
def test_an_unknown_name_is_answered_with_the_known_ones(
    connection: Connection, willow: ProjectRow, name: str
) -> None:
    with pytest.raises(UnknownName, match="known: 'Bank', 'Willow Dental'") as refused:
        find_project(connection, name)
    assert len(str(refused.value)) < 300
    with pytest.raises(UnknownName, match=r"no metric .*known: 'Hallucination', 'Latency', 'Mood'"):
        find_metric(connection, willow.id, name)


def test_many_known_names_are_not_all_listed(connection: Connection, willow: ProjectRow) -> None:
    for number in range(30):
        put_metric(connection, willow.id, MetricCard(f"Metric {number:02}"))
    with pytest.raises(UnknownName, match=r"and 14 more$"):
        find_metric(connection, willow.id, "x")


def test_pairs_are_the_audited_metrics_in_the_order_they_were_made(
    connection: Connection, willow: ProjectRow
) -> None:
    put_metric(connection, willow.id, MetricCard("A late one"))
    keys = [pair.key for pair in eligible_pairs(connection)]
    assert sorted(keys[:-1]) == [
        "bank/hallucination",
        "willow-dental/hallucination",
        "willow-dental/mood",
        "willow-dental/tool-call-accuracy",
    ]
    assert keys[-1] == "willow-dental/a-late-one"
    asked = [*keys[:2], "willow-dental/none", "no key"]
    assert set(pairs_by_key(connection, asked)) == set(keys[:2])
    assert pairs_by_key(connection, [keys[0]])[keys[0]] == eligible_pairs(connection)[0]
    assert pairs_by_key(connection, []) == {}


def test_a_card_is_replaced_but_for_its_name(connection: Connection, willow: ProjectRow) -> None:
    card = MetricCard("tool call_accuracy", "custom_code", "Was it right?", "d", ">= 3", "rating")
    put = put_metric(connection, willow.id, card)
    assert put == find_metric(connection, willow.id, "tool-call-accuracy")
    assert put.card.name == "Tool call Accuracy"
    assert (put.card.prompt, put.card.pass_rule) == ("Was it right?", ">= 3")
    assert "willow-dental/tool-call-accuracy" in [p.key for p in eligible_pairs(connection)]
    made = put_metric(connection, willow.id, MetricCard("Pace", "custom_code"))
    assert made == find_metric(connection, willow.id, "Pace")
    assert not made.card.is_eligible
    with pytest.raises(BadInput):
        put_metric(connection, willow.id, MetricCard("?"))


def test_a_view_holds_the_agents_it_was_put_with_last(
    connection: Connection, willow: ProjectRow
) -> None:
    members = text(
        "SELECT agent.name FROM view_agents JOIN agents AS agent ON agent.id = agent_id"
        " WHERE view_id = :id ORDER BY agent.name"
    )
    for agents in (["night-line", "front-desk", "front-desk"], ["night-line"], []):
        view = put_view(connection, willow.id, "At Night", agents)
        assert view.agents == tuple(sorted(set(agents)))
        assert connection.execute(members, {"id": view.id}).scalars().all() == list(view.agents)
    assert put_view(connection, willow.id, "at night", []) == view
    assert (view.name, view.slug) == ("At Night", "at-night")
    with pytest.raises(BadInput, match="no agent 'nobody'"):
        put_view(connection, willow.id, "At Night", ["front-desk", "nobody"])
    bank = find_project(connection, "bank")
    with pytest.raises(BadInput, match="no agent 'night-line'"):
        put_view(connection, bank.id, "Ours", ["night-line"])
