"""Calls that fail after an audit are sorted into its themes, cheaply and beside its counts."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights.audit.sorting import SortReport, sort_new_calls
from failure_insights.store.read_insights import insight_rows
from failure_insights.store.sorted_calls import SinceThenRow, since_then
from failure_insights_tests.agent.audits import NOW, AgentSite, agent_site, groups, planted_call
from failure_insights_tests.agent.plain_reader import DATE, TOOL, PlainReader
from failure_insights_tests.endpoint.server import fails

CALLS = [planted_call(number) for number in range(20)]
LATER = [
    planted_call(
        100 + number,
        call_id=f"later-{number}",
        started_at=(NOW + timedelta(minutes=1 + number)).isoformat(),
    )
    for number in range(30)
]
STRANGE = planted_call(
    200, call_id="strange", started_at=(NOW + timedelta(hours=1)).isoformat()
) | {"metrics": [{"name": "Expected Outcome", "passed": False, "explanation": ""}]}


def sort(site: AgentSite, **settings: Any) -> SortReport:
    chosen = site.settings.model_copy(update=settings)
    return sort_new_calls(site.engine, chosen, NOW + timedelta(hours=2))


def since(site: AgentSite) -> SinceThenRow | None:
    with site.engine.connect() as connection:
        return since_then(connection, site.ids).get(site.ids[-1])


def test_new_calls_are_sorted_once_and_change_no_count_of_the_audit(engine: Engine) -> None:
    reader = PlainReader()
    with agent_site(engine, reader, model="gpt-5-mini") as site:
        site.take_in(CALLS)
        row = site.audit()
        reader.stages.clear()
        site.take_in([*LATER, STRANGE])
        report = sort(site)
        assert set(reader.stages) == {"assign"}
        assert len(reader.stages) == 2  # 31 calls, 25 a request
        again = sort(site)
        assert len(reader.stages) == 2
        found = since(site)
        with engine.connect() as connection:
            (after,) = insight_rows(connection, [row["id"]])
    assert after == row
    assert (again.sorted, again.in_no_theme) == (0, 0)
    assert report.sorted + report.in_no_theme == 31
    assert found
    titles = {mode["theme_id"]: mode["title"] for mode in row["failure_modes"]}
    by_title = {titles[group["theme_id"]]: group["call_ids"] for group in found["themes"]}
    assert set(by_title) == {TOOL.title, DATE.title} == set(groups(row))
    assert by_title[TOOL.title] == sorted(f"later-{number}" for number in range(0, 30, 2))
    assert found["in_no_theme"] == ["strange"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"monthly_cap": 0.0}, "monthly cap"),
        ({"auditor": "wording"}, "No LLM"),
    ],
)
def test_without_money_or_an_llm_nothing_is_asked(
    engine: Engine, settings: dict[str, Any], words: str
) -> None:
    with agent_site(engine, model="gpt-5-mini") as site:
        site.take_in(CALLS)
        site.audit()
        paid = site.requests
        site.take_in(LATER)
        report = sort(site, **settings)
        assert site.requests == paid
        assert words in report.left
        assert since(site) is None


def test_calls_that_the_llm_leaves_out_wait_for_the_next_time(engine: Engine) -> None:
    is_down = [False]
    reader = PlainReader()

    def script(sent: Any) -> Any:
        return fails(400, "no") if is_down[0] else reader(sent)

    with agent_site(engine, script, model="gpt-5-mini") as site:
        site.take_in(CALLS)
        site.audit()
        site.take_in(LATER)
        is_down[0] = True
        assert sort(site).sorted == 0
        is_down[0] = False
        assert sort(site).sorted == 30
