"""What people do with themes shows at once wherever audits are read, lasts, and can be undone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Engine

from failure_insights.errors import FailureInsightsError
from failure_insights.settings import Settings
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.insights import prior_themes
from failure_insights.store.keys import create_key
from failure_insights.store.paging import Page
from failure_insights.store.projects import find_project
from failure_insights.store.read_insights import insight_rows
from failure_insights.store.theme_acts import (
    ThemeChange,
    acts_of,
    change_theme,
    split_calls,
    undo_act,
)
from failure_insights.store.theme_lists import ThemeRow, find_theme
from failure_insights.web.app import create_app
from failure_insights_tests.web.sample import DAY, NOW, TODAY, Sample, Theme

THEMES = (Theme("Wrong day", 5), Theme("Timeout", 3), Theme("No insurance", 2))


class Life:
    """A project with one audited metric, and what is done with its themes."""

    def __init__(self, engine: Engine) -> None:
        self.sample = Sample.make(engine)
        self.metric = self.sample.metric("CSAT")
        self.insight = self.audit()
        self.ids = {mode["title"]: mode["theme_id"] for mode in self.row()["failure_modes"]}

    def audit(self, themes: Any = THEMES, **options: Any) -> int:
        return self.sample.audit(self.metric, themes, unassigned=1, judge_errors=1, **options)

    def row(self, insight_id: int | None = None) -> InsightRow:
        with self.sample.engine.connect() as connection:
            return insight_rows(connection, [insight_id or self.insight])[0]

    def theme(self, title: str) -> ThemeRow:
        with self.sample.engine.connect() as connection:
            place = find_project(connection, self.sample.slug)
            return find_theme(connection, place, self.ids[title])

    def do(self, act: Callable[..., Any], theme: str, /, *values: Any, **more: Any) -> Any:
        with self.sample.engine.begin() as connection:
            place = find_project(connection, self.sample.slug)
            return act(connection, place, self.ids[theme], *values, **more)

    def change(self, theme: str, /, **change: Any) -> list[int]:
        acts: list[int] = self.do(change_theme, theme, ThemeChange(**change), "Ada")
        return acts

    def undo(self, title: str, act: int) -> int:
        return int(self.do(undo_act, title, act, "Ada"))


@pytest.fixture
def life(engine: Engine) -> Life:
    return Life(engine)


def sizes(row: InsightRow) -> dict[str, int]:
    """Return each group of a row with its calls, and see that they are the pool, each once."""
    groups = {mode["title"]: mode["call_ids"] for mode in row["failure_modes"]}
    for mode in row["failure_modes"]:
        assert mode["count"] == len(mode["call_ids"])
        assert {item["call_id"] for item in mode["evidence"]} <= set(mode["call_ids"])
    groups |= {cause["title"]: cause["call_ids"] for cause in row["other_causes"]}
    groups[""] = row["unassigned_call_ids"]
    calls = [call for ids in groups.values() for call in ids]
    calls += [error["call_id"] for error in row["suspected_judge_errors"]]
    assert len(calls) == len(set(calls)) == row["num_failing_calls"]
    return {title: len(ids) for title, ids in groups.items()}


@pytest.mark.parametrize(
    ("title", "change", "shown"),
    [
        ("Timeout", {"state": "watched"}, {"state": "watched"}),
        ("Timeout", {"state": "resolved", "note": "retry"}, {"state": "resolved"}),
        (
            "Timeout",
            {"state": "dismissed", "reason": "not_important"},
            {"state": "dismissed", "dismissal_reason": "not_important"},
        ),
        ("Timeout", {"title": " Slow  calendar "}, {"title": "Slow calendar"}),
        ("Timeout", {"owner": "Grace"}, {"owner": "Grace"}),
        ("Timeout", {"link": "https://t.example/7"}, {"link": "https://t.example/7"}),
    ],
)
def test_an_act_shows_at_once_and_its_undo_brings_back_what_was(
    life: Life, title: str, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    before, theme = life.row(), life.theme(title)
    (act,) = life.change(title, **change)
    (mode,) = [m for m in life.row()["failure_modes"] if m["theme_id"] == life.ids[title]]
    assert {name: mode[name] for name in shown} == shown  # type: ignore[literal-required]
    assert {name: life.theme(title)[name] for name in shown} == shown  # type: ignore[literal-required]
    life.undo(title, act)
    assert (life.row(), life.theme(title)) == (before, theme)
    with life.sample.engine.connect() as connection:
        undo, did = acts_of(connection, life.ids[title], Page()).rows
    assert (did.by, did.undone_by, undo.undoes) == ("Ada", undo.id, act)
    assert (undo.before, undo.after) == (did.after, did.before)


def test_what_is_so_already_is_no_act(life: Life) -> None:
    assert len(life.change("Timeout", owner="Grace", title="Slow calendar")) == 2
    assert life.change("Timeout", owner="Grace", title="Slow calendar") == []


def test_a_merged_theme_counts_with_the_other_and_attracts_its_calls_from_then_on(
    life: Life,
) -> None:
    earlier = life.audit([Theme("Timeout", 4)], days_ago=2)
    life.change("Timeout", merged_into=life.ids["Wrong day"])
    (first, _) = life.row()["failure_modes"]
    assert sizes(life.row())["Wrong day"] == 8
    assert first["merged_theme_ids"] == [life.ids["Timeout"]]
    assert [day["count"] for day in first["history"]] == [4, 8]
    assert (first["first_seen"], first["status"]) == (
        (TODAY - 3 * DAY).date(),
        "recurring",
    )
    assert sizes(life.row(earlier))["Wrong day"] == 4
    # A later audit still finds both, or only the one that was merged.
    assert sizes(life.row(life.audit(days_ago=-1)))["Wrong day"] == 8
    assert sizes(life.row(life.audit([Theme("Timeout", 6)], days_ago=-2)))["Wrong day"] == 6


def test_merging_what_holds_merged_themes_takes_them_along_and_undoing_it_leaves_them(
    life: Life,
) -> None:
    life.change("Timeout", merged_into=life.ids["Wrong day"])
    (act,) = life.change("Wrong day", merged_into=life.ids["No insurance"])
    assert sizes(life.row()) == {"No insurance": 10, "": 1}
    life.undo("Wrong day", act)
    assert sizes(life.row()) == {"Wrong day": 8, "No insurance": 2, "": 1}
    again = life.undo("Wrong day", act + 1)
    assert sizes(life.row()) == {"No insurance": 10, "": 1}
    life.undo("Wrong day", again)
    assert sizes(life.row()) == {"Wrong day": 8, "No insurance": 2, "": 1}


def test_a_dismissed_theme_is_counted_and_stands_last_in_later_audits_too(life: Life) -> None:
    life.change("Wrong day", state="dismissed", reason="works_as_intended", note="They may move.")
    later = life.audit(days_ago=-1)
    for row in (life.row(), life.row(later)):
        assert [mode["title"] for mode in row["failure_modes"]][-1] == "Wrong day"
        assert sizes(row)["Wrong day"] == 5
    with life.sample.engine.connect() as connection:
        day = (TODAY + 40 * DAY).date()
        priors = prior_themes(connection, f"{life.sample.slug}/{life.metric}", day)
    # The auditor is told why, even long after; what nobody touched is forgotten.
    assert [(p.title, p.dismissal) for p in priors] == [
        ("Wrong day", "the agent does what it should: They may move.")
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, {"Wrong day": 3, "": 3}),
        ({"title": "Two callers"}, {"Wrong day": 3, "Two callers": 2}),
        ({"into": "Timeout"}, {"Wrong day": 3, "Timeout": 5}),
    ],
)
def test_a_call_that_is_split_off_counts_where_people_put_it(
    life: Life, where: dict[str, str], expected: dict[str, int]
) -> None:
    before = life.row()
    calls = before["failure_modes"][0]["call_ids"][:2]
    where = {name: life.ids.get(value, value) for name, value in where.items()}
    act = life.do(split_calls, "Wrong day", calls, "Ada", **where)
    assert expected.items() <= sizes(life.row()).items()
    life.undo("Wrong day", act)
    assert life.row() == before


def test_a_resolved_theme_regresses_by_later_calls_and_not_by_a_backfill(life: Life) -> None:
    life.change("Wrong day", state="resolved")
    life.audit(days_ago=3)
    assert life.theme("Wrong day")["state"] == "resolved"
    later = life.audit(days_ago=-2)
    assert life.theme("Wrong day")["state"] == "regressed"
    assert life.row(later)["failure_modes"][0]["state"] == "regressed"
    assert life.theme("Timeout")["state"] == "active"
    # It was fixed only after those calls.
    life.change("Wrong day", state="active")
    life.change("Wrong day", state="resolved", since=NOW - timedelta(days=9))
    assert life.theme("Wrong day")["state"] == "regressed"


def test_an_act_that_a_later_one_changed_or_undid_cannot_be_undone(life: Life) -> None:
    (first,) = life.change("Timeout", owner="Grace")
    (second,) = life.change("Timeout", owner="Ada")
    with pytest.raises(FailureInsightsError, match="a later act changed"):
        life.undo("Timeout", first)
    life.undo("Timeout", second)
    assert life.theme("Timeout")["owner"] == "Grace"
    with pytest.raises(FailureInsightsError, match="taken back already"):
        life.undo("Timeout", second)
    with pytest.raises(FailureInsightsError, match="there is no act"):
        life.undo("Wrong day", first)


TITLES = [theme.title for theme in THEMES]
ACTS = st.one_of(
    st.tuples(st.sampled_from(TITLES), st.sampled_from([*TITLES, ""])),
    st.tuples(
        st.sampled_from(TITLES),
        st.integers(0, 9),
        st.sampled_from([*TITLES, "", "Another cause"]),
    ),
)


@examples(max_examples=25)
@given(acts=st.lists(ACTS, max_size=6))
def test_whatever_is_merged_and_split_every_call_counts_once_and_all_of_it_can_be_undone(
    life_of_many: Life, acts: list[Any]
) -> None:
    life, done = life_of_many, []
    before = life.row()
    for title, *what in acts:
        try:
            if len(what) == 1:
                into = life.ids.get(what[0], "")
                done += [(title, act) for act in life.change(title, merged_into=into)]
            else:
                call, where = f"call-0-{what[0]}", what[1]
                more = {"into": life.ids[where]} if where in life.ids else {"title": where}
                done.append((title, life.do(split_calls, title, [call], "Ada", **more)))
        except FailureInsightsError:
            continue
        sizes(life.row())
    for title, act in reversed(done):
        life.undo(title, act)
    assert life.row() == before


@pytest.fixture(scope="module")
def life_of_many(postgres_url: str) -> Any:
    from failure_insights.store.database import engine_for
    from failure_insights_tests.conftest import new_database

    with new_database(postgres_url, "migrated") as url:
        yield Life(engine_for(url))


class TestOverHttp:
    @pytest.fixture
    def client(self, life: Life) -> TestClient:
        with life.sample.engine.begin() as connection:
            key = create_key(connection, "qa-lead", [life.sample.slug])
        client = TestClient(create_app(life.sample.engine, Settings()))
        client.headers["Authorization"] = f"Bearer {key}"
        return client

    def test_a_theme_is_listed_changed_read_and_its_act_undone(
        self, life: Life, client: TestClient
    ) -> None:
        base = f"/api/projects/{life.sample.slug}/themes"
        assert client.get(f"{base}/").json()["count"] == 3
        theme = f"{base}/{life.ids['Timeout']}"
        answer = client.patch(f"{theme}/", json={"state": "watched", "owner": "Grace"})
        assert (answer.json()["state"], answer.json()["owner"]) == ("watched", "Grace")
        assert client.get(f"{theme}/").json() == answer.json()
        (listed,) = client.get(f"{base}/", params={"state": "watched"}).json()["results"]
        assert listed == answer.json()
        owner, state = client.get(f"{theme}/history/").json()["results"]
        assert (owner["kind"], owner["by"], state["kind"]) == ("owner", "qa-lead", "state")
        undone = client.post(f"{theme}/history/{state['id']}/undo/", json={"by": "Ada"})
        assert (undone.json()["state"], undone.json()["owner"]) == ("active", "Grace")
        split = client.post(f"{theme}/split/", json={"call_ids": ["call-0-5"]})
        assert split.status_code == 200
        assert sizes(life.row())["Timeout"] == 2

    @pytest.mark.parametrize(
        ("change", "status", "reason"),
        [
            ({"state": "dismissed"}, 422, "needs a reason"),
            ({"state": "resolved", "reason": "other"}, 422, "needs a reason"),
            ({"reason": "other"}, 422, "give the state too"),
            ({"state": "regressed"}, 422, "body.state"),
            ({"state": "resolved", "since": "2026-11-23T06:00:00"}, 422, "body.since"),
            ({"link": "javascript:alert(1)"}, 422, "not a web address"),
            ({"merged_into": "th_ffffffffffff"}, 404, "there is no theme"),
            ({"titel": "x"}, 422, "body.titel"),
        ],
    )
    def test_a_change_that_cannot_be_is_refused_with_the_reason(
        self, life: Life, client: TestClient, change: dict[str, str], status: int, reason: str
    ) -> None:
        path = f"/api/projects/{life.sample.slug}/themes/{life.ids['Timeout']}/"
        before = client.get(path).json()
        answer = client.patch(path, json=change)
        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True)
        assert client.get(path).json() == before

    def test_themes_of_another_project_or_metric_are_out_of_reach(
        self, life: Life, client: TestClient
    ) -> None:
        other = Sample.make(life.sample.engine, "Bank")
        other.audit(other.metric("CSAT"), [Theme("Wrong day", 3)])
        here = life.sample.metric("Relevancy")
        life.sample.audit(here, [Theme("Off topic", 3)], prefix="r-")
        ids = {
            name: life.sample.run(f"SELECT theme_id FROM themes WHERE project_metric = '{name}'")
            for name in ("bank/csat", f"{life.sample.slug}/relevancy")
        }
        base = f"/api/projects/{life.sample.slug}/themes"
        assert client.get(f"{base}/{ids['bank/csat']}/").status_code == 404
        for other_id, status in zip(ids.values(), (404, 422), strict=True):
            answer = client.patch(f"{base}/{life.ids['Timeout']}/", json={"merged_into": other_id})
            assert answer.status_code == status
