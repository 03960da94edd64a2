"""Finding projects and metrics by what people call them, and putting cards and views."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from failure_insights.domain.metrics import MetricCard
from failure_insights.errors import BadInput, UnknownName
from failure_insights.ingest.import_calls import import_calls
from failure_insights.store.access import visible_project
from failure_insights.store.keys import create_key, key_in_force
from failure_insights.store.projects import (
    ProjectRow,
    eligible_pairs,
    find_metric,
    find_project,
    find_view,
    pairs_by_key,
    put_metric,
    put_view,
)
from failure_insights_tests.pipeline.test_import import call, lines
from failure_insights_tests.refusals import refused


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
    with refused("unknown_project", UnknownName) as raised:
        find_project(connection, name)
    assert "'Bank', 'Willow Dental'" in str(raised.value)
    assert len(str(raised.value)) < 300
    with refused("unknown_metric", UnknownName) as raised:
        find_metric(connection, willow.id, name)
    assert "'Hallucination', 'Latency', 'Mood'" in str(raised.value)


def test_many_known_names_are_not_all_listed(connection: Connection, willow: ProjectRow) -> None:
    for number in range(30):
        put_metric(connection, willow.id, MetricCard(f"Metric {number:02}"))
    with refused("unknown_metric") as raised:
        find_metric(connection, willow.id, "x")
    assert str(raised.value).endswith("14 more")


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
    with refused("unknown_agent", BadInput):
        put_view(connection, willow.id, "At Night", ["front-desk", "nobody"])
    bank = find_project(connection, "bank")
    with refused("unknown_agent", BadInput):
        put_view(connection, bank.id, "Ours", ["night-line"])


def test_cards_and_views_of_names_that_share_a_slug_are_two(
    connection: Connection, willow: ProjectRow
) -> None:
    sharp = put_metric(connection, willow.id, MetricCard("C#", prompt="sharp"))
    plus = put_metric(connection, willow.id, MetricCard("C++", prompt="plus"))
    assert (sharp.slug, plus.slug) == ("c", "c-2")
    assert put_metric(connection, willow.id, MetricCard("c-2", prompt="by slug")).name == "C++"
    assert find_metric(connection, willow.id, "C#") == sharp
    views = [put_view(connection, willow.id, name, ["front-desk"]) for name in ("C#", "C++")]
    assert [view.slug for view in views] == ["c", "c-2"]
    assert find_view(connection, willow, "C++") == views[1].id
    assert put_view(connection, willow.id, "C#", []).id == views[0].id


def test_a_key_for_one_name_never_reads_another(connection: Connection) -> None:
    told: list[str] = []
    shown = create_key(connection, "sharp", ["C#"], told.append)
    other = create_key(connection, "plus", ["C++", "Bank"], told.append)
    assert told == [
        "Project 'C#' was not there yet and is made.",
        "Project 'C++' was not there yet and is made.",
        "project 'C++' has the slug c-2: c is 'C#'",
    ]
    for secret, seen, hidden in (
        (shown, ["C#", "c", "c#"], ["C++", "c-2", "C", "Bank"]),
        (other, ["C++", "c-2", "bank"], ["C#", "c", "C"]),
    ):
        key = key_in_force(connection, secret)
        assert key
        for name in seen:
            visible_project(connection, key, name)
        for name in hidden:
            with pytest.raises(UnknownName):
                visible_project(connection, key, name)


def test_imports_that_make_projects_at_once_give_each_name_its_own_slug(engine: Engine) -> None:
    names = ["C#", "C++", "C", "c-", "C!", "C?"]
    orders = [names, names[::-1], names[3:] + names[:3]]

    def take(order: list[str]) -> None:
        import_calls(engine, lines(*(call("x", project=name) for name in order)))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(take, orders))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT slug, name FROM projects")).all()
    # "C" and "c-" are spellings of one name.
    assert len({row.slug for row in rows}) == len(rows) == 5
