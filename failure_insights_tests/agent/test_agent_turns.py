"""The agent's turns: whatever it does with its tools, the audit ends (fault list, Agent loop)."""

from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights_tests.agent.audits import agent_site, check, groups, planted_call
from failure_insights_tests.agent.plain_reader import DATE, TOOL, PlainReader
from failure_insights_tests.endpoint.server import Reply, Sent, fails, says, uses_tools

CALLS = [planted_call(number) for number in range(40)]
#: So few that some calls are not read, for only then are tools offered.
MOST_READ = 20
RIGHT = {
    TOOL.title: [call["call_id"] for call in CALLS[::2]],
    DATE.title: [call["call_id"] for call in CALLS[1::2]],
}


class Turns:
    """Answers the agent's turns one after the other; the last answer is given from then on.

    `submit` stands for the plain submission.
    """

    def __init__(self, *turns: Any) -> None:
        self.turns = list(turns)
        self.taken = 0
        self.seen: list[list[dict[str, Any]]] = []

    def __call__(self, sent: Sent, draft: Any) -> Any:
        turn = self.turns[min(self.taken, len(self.turns) - 1)]
        self.taken += 1
        self.seen.append(sent.messages)
        return draft if turn == "submit" else turn(draft) if callable(turn) else turn


def use(name: str, **arguments: Any) -> tuple[str, Any]:
    return name, arguments


def with_draft(*uses: tuple[str, Any]) -> Any:
    return lambda draft: uses_tools([("submit_breakdown", draft), *uses])


STATS = use("pool_stats", by="agent")
SEARCH = use("search_calls", query="calendar", scope="failing", limit=5)
READ = use("read_calls", handles=["c001", "c002"])
TEST = use("test_criteria", criteria=[TOOL.criterion, DATE.criterion])


@pytest.mark.parametrize(
    ("turns", "taken"),
    [
        pytest.param(["submit"], 1, id="submits at once"),
        pytest.param([with_draft(STATS), "submit"], 2, id="looks, then submits"),
        pytest.param([with_draft(STATS, SEARCH, READ, TEST), "submit"], 2, id="uses every tool"),
        pytest.param([uses_tools([STATS])] * 2 + ["submit"], 3, id="repeats the same use"),
        pytest.param([uses_tools([("drop_tables", {})]), "submit"], 2, id="unknown tool"),
        pytest.param([uses_tools([("pool_stats", "{by:")]), "submit"], 2, id="malformed"),
        pytest.param([uses_tools([use("pool_stats", by="mood")]), "submit"], 2, id="bad value"),
        pytest.param(
            [uses_tools([use("search_calls", query="x", scope="passing", limit=10**9)]), "submit"],
            2,
            id="beyond limits",
        ),
        pytest.param(
            [uses_tools([use("read_calls", handles=["c900"] * 99)]), "submit"],
            2,
            id="foreign handles",
        ),
        pytest.param([says("I think the calendar is broken."), "submit"], 2, id="text first"),
        pytest.param([with_draft(*[STATS] * 50), "submit"], 2, id="50 uses in one turn"),
        pytest.param([with_draft(STATS), says("Unchanged.")], 2, id="draft, then only text"),
        pytest.param([with_draft(STATS), fails(400, "no")], 2, id="draft, then an error"),
    ],
)
def test_any_way_of_working_ends_with_the_themes(
    engine: Engine, turns: list[Any], taken: int
) -> None:
    script = Turns(*turns)
    with agent_site(engine, PlainReader({"agent": script})) as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    check(row, CALLS)
    assert groups(row) == RIGHT
    assert row["auditor"] == "agent"
    assert script.taken == taken


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(says("No."), id="never submits"),
        pytest.param(uses_tools([STATS]), id="only looks"),
        pytest.param(fails(500, "down"), id="fails"),
        pytest.param(uses_tools([("submit_breakdown", {"analysis": ""})]), id="submits nonsense"),
    ],
)
def test_without_a_submission_calls_are_grouped_by_wording(engine: Engine, turn: Reply) -> None:
    script = Turns(turn)
    with agent_site(engine, PlainReader({"agent": script})) as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    check(row, CALLS)
    assert (row["auditor"], row["degraded"]) == ("wording", True)
    assert row["message"].startswith("The LLM could not audit these calls")
    assert script.taken <= 8


def test_a_failed_audit_is_told_where_no_other_is_wanted(engine: Engine) -> None:
    with agent_site(engine, PlainReader({"agent": Turns(says("No."))}), llm_failure="fail") as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    assert row["status"] == "failed"
    assert "no theme found" in row["error_message"]


def test_tools_answer_from_this_pool_and_say_what_was_wrong(engine: Engine) -> None:
    uses = [
        STATS,
        SEARCH,
        use("search_calls", query="helped", scope="passing", limit=5),
        use("read_calls", handles=["call-0003", "c999"]),
        use("pool_stats", by="origin"),
        TEST,
        ("nothing", {}),
    ]
    script = Turns(with_draft(*uses), "submit")
    with agent_site(engine, PlainReader({"agent": script})) as site:
        passed = planted_call(900, TOOL, call_id="passed-1")
        passed["metrics"][0] |= {"passed": True, "explanation": "The caller was helped well."}
        other = planted_call(901, TOOL, call_id="other-1", project="another")
        site.take_in([*CALLS, passed, other])
        site.audit(max_calls=MOST_READ)
    told = [m["content"] for m in script.seen[1] if m["role"] == "tool"]
    assert told[0] == "Accepted."
    assert told[1] == "front-desk: 40"
    assert told[2].startswith("5 hits among 40 failing calls.")
    assert told[3].startswith("1 hits among 1 passing calls.")
    assert told[4].startswith("c004 [agent_reasoning]")
    assert "tool_or_integration: " in told[5]
    assert "meet it (0 of these with low confidence)" in told[6]
    assert told[7].startswith("There is no tool 'nothing'")
    assert not any("other-1" in text or "901" in text for text in told)


def test_without_tools_the_themes_are_asked_for_in_one_answer(engine: Engine) -> None:
    def no_tools(sent: Sent, draft: Any) -> Any:
        if sent.tools:
            return fails(400, "tools is not supported by this model", param="tools")
        return draft

    with agent_site(engine, PlainReader({"agent": no_tools})) as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    assert groups(row) == RIGHT
    assert (row["auditor"], row["degraded"]) == ("agent", False)


def test_an_endpoint_that_ignores_a_forced_tool_still_ends(engine: Engine) -> None:
    script = Turns(says("Let me think."), says("Still thinking."), says("Hm."))
    with agent_site(engine, PlainReader({"agent": script})) as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    check(row, CALLS)
    assert row["degraded"]


def test_calls_that_no_theme_holds_are_looked_at_once_more(engine: Engine) -> None:
    asked: list[str] = []

    def one_by_one(sent: Sent, draft: Any) -> Any:
        themes = draft["themes"]
        if sent.tools:
            return {**draft, "themes": themes[:1]}
        asked.append(sent.data)
        return draft

    def clear(_: Sent, value: Any) -> Any:
        items = [
            {**item, "label": "OTHER"} if item["label"] == "UNCLEAR" else item
            for item in value["items"]
        ]
        return {"items": items}

    with agent_site(engine, PlainReader({"agent": one_by_one, "assign": clear})) as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    check(row, CALLS)
    assert groups(row) == RIGHT
    assert len(asked) == 1
    assert "found today" in asked[0]
    assert not any(f"c{number:03} [" in asked[0] for number in range(1, 41, 2))


def test_calls_that_no_theme_holds_have_their_own_cause_or_are_not_read(
    engine: Engine,
) -> None:
    def first_only(sent: Sent, draft: Any) -> Any:
        return {**draft, "themes": draft["themes"][:1] if sent.tools else []}

    def clear(_: Sent, value: Any) -> Any:
        other = [{**i, "label": "OTHER"} if i["label"] != "T1" else i for i in value["items"]]
        return {"items": other}

    with agent_site(engine, PlainReader({"agent": first_only, "assign": clear})) as site:
        site.take_in(CALLS)
        row = site.audit(max_calls=MOST_READ)
    check(row, CALLS)
    assert groups(row) == {TOOL.title: RIGHT[TOOL.title]}
    read = [call for cause in row["other_causes"] for call in cause["call_ids"]]
    assert sorted(read + row["not_read_call_ids"]) == RIGHT[DATE.title]
    assert not row["degraded"]
