"""What the LLM gets wrong about calls, themes and quotes ends in a right row (Identity).

Each case changes one stage's answers of a plain reader; the row still holds: every call once, each
quote word for word where it is cited, nothing foreign, nothing that speaks to a browser.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights.store.insight_rows import InsightRow
from failure_insights_tests.agent.audits import (
    agent_site,
    check,
    groups,
    planted_call,
    with_explanation,
)
from failure_insights_tests.agent.plain_reader import DATE, TOOL, PlainReader, transcript_lines
from failure_insights_tests.endpoint.server import Sent

CALLS = [planted_call(number) for number in range(20)]
TOOL_CALLS = [call["call_id"] for call in CALLS[::2]]
DATE_CALLS = [call["call_id"] for call in CALLS[1::2]]
RIGHT = {TOOL.title: TOOL_CALLS, DATE.title: DATE_CALLS}

Change = Callable[[Sent, Any], Any]


def first_theme(**fields: Any) -> Change:
    """Change the first theme; its seeds and title are its only cause's too."""

    def change(_: Sent, draft: Any) -> Any:
        first, *rest = draft["themes"]
        own = {k: v for k, v in fields.items() if k in ("seed_handles", "title")}
        causes = [{**cause, **own} for cause in first["causes"]]
        seeds = {k: v for k, v in fields.items() if k != "seed_handles"}
        return {**draft, "themes": [{**first, **seeds, "causes": causes}, *rest]}

    return change


def items(change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Change:
    return lambda _, value: {"items": [new for item in value["items"] for new in change(item)]}


def quotes(change: Callable[[int, str, Mapping[int, str]], tuple[int | None, str]]) -> Change:
    """Change every quote of notes; the change sees the line, the quote and all lines."""

    def changed(sent: Sent, note: Any) -> Any:
        lines = transcript_lines(sent.data)
        found = [change(item["line"], item["quote"], lines) for item in note["evidence"]]
        return {**note, "evidence": [{"line": line, "quote": quote} for line, quote in found]}

    return changed


def row_of(engine: Engine, change: Mapping[str, Change]) -> InsightRow:
    with agent_site(engine, PlainReader(change)) as site:
        site.take_in(CALLS)
        row = site.audit()
    check(row, CALLS)
    return row


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"agent": first_theme(seed_handles=["c901", "c001", "c003"])}, id="made up"),
        pytest.param({"agent": first_theme(seed_handles=["p07", "C1", "c3"])}, id="spelled"),
        pytest.param({"agent": first_theme(seed_handles=TOOL_CALLS[:2])}, id="real call ids"),
        pytest.param({"agent": first_theme(seed_handles=["c001"] * 5 + ["c003"])}, id="twice"),
        pytest.param(
            {"agent": first_theme(seed_handles=[f"c{i}" for i in range(5000)])}, id="5000"
        ),
        pytest.param({"agent": first_theme(description="All 4,000 calls fail.")}, id="counts"),
        pytest.param(
            {"assign": items(lambda i: [{**i, "handle": i["handle"].upper()}])}, id="case"
        ),
        pytest.param({"assign": items(lambda i: [i, {**i, "label": "T1"}])}, id="two labels"),
        pytest.param({"assign": items(lambda i: [i, {**i, "handle": "c999"}])}, id="foreign"),
        pytest.param({"assign": items(lambda i: [{**i, "label": i["label"].lower()}])}, id="lower"),
        pytest.param({"note": quotes(lambda n, q, _: (n + 1, q))}, id="line off by one"),
        pytest.param({"note": quotes(lambda _, q, __: (None, q))}, id="no line"),
        pytest.param({"note": quotes(lambda n, q, _: (n, f"“{q.upper()}”"))}, id="smart quotes"),
        pytest.param(
            {"note": quotes(lambda n, q, _: (n, f"{q[:20]} ... {q[25:]}"))}, id="ellipsis"
        ),
    ],
)
def test_slips_about_calls_and_lines_change_nothing(
    engine: Engine, change: Mapping[str, Change]
) -> None:
    row = row_of(engine, change)
    assert groups(row) == RIGHT
    assert not row["degraded"]
    assert all(item["turn"] == 3 for mode in row["failure_modes"] for item in mode["evidence"])


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda n, _, __: (n, "The tool was broken, sadly"), id="paraphrased"),
        pytest.param(lambda n, _, lines: (n, f"{lines[1]} {lines[2]}"), id="two turns"),
        pytest.param(
            lambda n, q, _: (n, q.replace("500", "404").replace("wrong", "not wrong")), id="number"
        ),
        pytest.param(lambda n, q, _: (n, q.replace("could not", "could")), id="dropped not"),
        pytest.param(lambda n, _, __: (n, "calendar"), id="one word"),
        pytest.param(lambda n, _, __: (n, "No appointment was made: the calendar"), id="judge"),
        pytest.param(lambda n, _, __: (n, f"{TOOL.line} (99)"), id="another call"),
    ],
)
def test_a_quote_that_no_turn_holds_is_never_shown(engine: Engine, bad: Any) -> None:
    row = row_of(engine, {"note": quotes(bad)})
    shown = [item for mode in row["failure_modes"] for item in mode["evidence"]]
    by_id = {call["call_id"]: call for call in CALLS}
    for item in shown:
        where = by_id[item["call_id"]]
        if item["turn"] is not None:
            assert item["quote"] in where["transcript"][item["turn"]]["content"]


def test_a_call_that_no_label_came_for_is_asked_again_then_told(engine: Engine) -> None:
    left_out: list[str] = []

    def forget(_: Sent, value: Any) -> Any:
        kept = [item for item in value["items"] if item["handle"] != "c005"]
        left_out.append(str(len(kept)))
        return {"items": kept}

    row = row_of(engine, {"assign": forget})
    assert len(left_out) == 2
    assert row["degraded"]
    assert "without the LLM: 1 call." in row["message"]
    assert groups(row) == RIGHT  # it is most like the others of its theme


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"title": "x" * 500}, False),
        (
            {"title": "Calendar <img src=x onerror=alert(1)> tool [fails](https://evil.example)"},
            True,
        ),
        ({"title": "Calendar\n tool 🎉 \u202efails `now`"}, True),
        ({"title": "Miscellaneous"}, False),
        (
            {"description": "Ring Mrs Smith on +49 170 1234567 or smith@example.com. It fails."},
            True,
        ),
    ],
)
def test_titles_and_descriptions_hold_nothing_foreign(
    engine: Engine, fields: dict[str, Any], shown: bool
) -> None:
    row = row_of(engine, {"agent": first_theme(**fields)})
    for mode in row["failure_modes"]:
        assert len(mode["title"]) <= 90
        assert "evil" not in str(mode)
        assert "1234567" not in str(mode)
        assert "smith@" not in str(mode)
    assert (len(row["failure_modes"]) == 2) == shown


@pytest.mark.parametrize(
    ("themes", "expected"),
    [
        pytest.param(lambda _: [], 0, id="none"),
        pytest.param(lambda themes: themes[:1], 1, id="one"),
        pytest.param(lambda themes: [*themes, *themes], 2, id="all twice"),
        pytest.param(
            lambda themes: [
                {
                    **t,
                    "title": "The same title here",
                    "causes": [{**c, "title": "The same title here"} for c in t["causes"]],
                }
                for t in themes
            ],
            1,
            id="one title",
        ),
    ],
)
def test_any_number_of_themes_ends_in_a_right_row(
    engine: Engine, themes: Any, expected: int
) -> None:
    change = {"agent": lambda _, draft: {**draft, "themes": themes(draft["themes"])}}
    row = row_of(engine, change)
    if expected:
        assert len(row["failure_modes"]) == expected
        assert row["auditor"] == "agent"
    else:
        assert (row["auditor"], row["degraded"]) == ("wording", True)


def test_the_smallest_of_more_than_six_themes_are_other_causes(engine: Engine) -> None:
    calls = [planted_call(number) for number in range(60)]

    def twelve(_: Sent, draft: Any) -> Any:
        base = draft["themes"][0]
        made = [
            {
                **base,
                "title": f"Mechanism {word} breaks the call",
                "causes": [
                    {
                        **base["causes"][0],
                        "title": f"Cause {word} breaks the call",
                        "criterion": f"Criterion of the kind {word} alone and nothing else.",
                        "seed_handles": [f"c{2 * i + 1:03}", f"c{2 * i + 2:03}"],
                    }
                ],
            }
            for i, word in enumerate("abcdefghijkl")
        ]
        return {**draft, "themes": made}

    def spread(_: Sent, value: Any) -> Any:
        labels = [f"T{int(item['handle'][1:]) % 8 + 1}" for item in value["items"]]
        rows = zip(value["items"], labels, strict=True)
        return {"items": [{**item, "label": label, "confidence": "high"} for item, label in rows]}

    with agent_site(engine, PlainReader({"agent": twelve, "assign": spread})) as site:
        site.take_in(calls)
        row = site.audit()
    check(row, calls)
    assert len(row["failure_modes"]) == 6
    assert row["other_causes"]
    assert row["unassigned_call_ids"] == []


def test_a_theme_whose_calls_do_not_fit_its_criterion_is_not_shown(engine: Engine) -> None:
    def reject(sent: Sent, value: Any) -> Any:
        if (
            TOOL.word
            not in sent.data.partition("Criteria of its causes:")[2].partition("Suggested fix")[0]
        ):
            return value
        members = [{**member, "verdict": "does_not_fit"} for member in value["members"]]
        return {**value, "members": members}

    row = row_of(engine, {"critic": reject})
    assert groups(row) == {DATE.title: DATE_CALLS}
    assert [cause["call_ids"] for cause in row["other_causes"]] == [TOOL_CALLS]  # by their notes


def test_a_better_title_of_the_critic_is_shown(engine: Engine) -> None:
    def rename(_: Sent, value: Any) -> Any:
        return {**value, "better_title": "Calendar tool gives up after one error"}

    titles = [mode["title"] for mode in row_of(engine, {"critic": rename})["failure_modes"]]
    assert titles[0] == "Calendar tool gives up after one error"
    assert len(set(titles)) == 2


def test_a_fix_is_shown_only_if_somebody_offers_one(engine: Engine) -> None:
    def without(_: Sent, draft: Any) -> Any:
        return {**draft, "themes": [{**t, "suggested_fix": ""} for t in draft["themes"]]}

    change = {"agent": without, "critic": lambda _, value: {**value, "suggested_fix": ""}}
    row = row_of(engine, change)
    assert [mode["suggested_fix"] for mode in row["failure_modes"]] == ["", ""]


SUSPECT = {"verdict_check": "metric_met"}


@pytest.mark.parametrize(
    ("verdict", "suspected"), [("pass", TOOL_CALLS), ("fail", []), ("cannot_tell", [])]
)
def test_a_judge_is_suspected_only_by_two_readers(
    engine: Engine, verdict: str, suspected: list[str]
) -> None:
    def doubt(_: Sent, note: Any) -> Any:
        return {**note, **(SUSPECT if note["origin"] == "tool_or_integration" else {})}

    def vote(sent: Sent, value: Any) -> Any:
        assert TOOL.noted not in sent.data  # blind to the first reader
        return {**value, "reasoning": "The caller was helped.", "verdict": verdict}

    row = row_of(engine, {"note": doubt, "second_vote": vote})
    assert [error["call_id"] for error in row["suspected_judge_errors"]] == suspected
    for error in row["suspected_judge_errors"]:
        assert error["reason"] == "The caller was helped."
        assert error["quote"]
    if suspected:
        assert "10 of 20 calls that were read look like passes" in row["message"]
        assert row["num_failing_calls"] == 20


@pytest.mark.parametrize(
    ("noted", "vote", "kind"),
    [
        ({"verdict_check": "reason_not_in_call"}, {"reason_in_call": "no"}, "reason_not_in_call"),
        ({"called_for": "no"}, {"called_for": "no"}, "nothing_called_for_it"),
        ({"verdict_check": "reason_not_in_call"}, {"reason_in_call": "yes"}, None),
        ({"called_for": "no"}, {"called_for": "cannot_tell"}, None),
        ({"called_for": "no", "evidence": []}, {"called_for": "no"}, None),
    ],
)
def test_the_metric_is_questioned_only_by_two_readers_with_a_quote(
    engine: Engine, noted: dict[str, Any], vote: dict[str, Any], kind: str | None
) -> None:
    def doubt(_: Sent, note: Any) -> Any:
        return {**note, **(noted if note["origin"] == "tool_or_integration" else {})}

    def second(sent: Sent, value: Any) -> Any:
        assert "was the trouble" in sent.data  # it knows what the judge expected
        return {**value, **vote, "reasoning": "Nobody had asked for it."}

    row = row_of(engine, {"note": doubt, "second_vote": second})
    found = {item["call_id"]: item["kind"] for item in row["metric_findings"]}
    assert found == ({} if kind is None else dict.fromkeys(TOOL_CALLS, kind))
    assert all(item["quote"] for item in row["metric_findings"])


def test_a_second_cause_is_shown_beside_and_counts_nowhere(engine: Engine) -> None:
    def also(_: Sent, draft: Any) -> Any:
        first, second = draft["themes"]
        causes = [
            {**c, "also_handles": second["causes"][0]["seed_handles"][:2]} for c in first["causes"]
        ]
        return {**draft, "themes": [{**first, "causes": causes}, second]}

    row = row_of(engine, {"agent": also})
    assert groups(row) == RIGHT
    by_title = {mode["title"]: mode for mode in row["failure_modes"]}
    also_calls = by_title[TOOL.title]["also_call_ids"]
    assert len(also_calls) == 2
    assert set(also_calls) < set(DATE_CALLS)
    assert by_title[DATE.title]["also_call_ids"] == []


def test_a_clear_call_that_no_cause_holds_is_listed_with_its_own(engine: Engine) -> None:
    lone = planted_call(90, call_id="lone-1")
    lone = with_explanation(lone, "The call ended before anything was booked.")
    lone["transcript"][3]["content"] = "You hung up on me in the middle of the booking"

    def noted(sent: Sent, note: Any) -> Any:
        if "hung up on me" not in sent.data:
            return note
        quote = {"line": 3, "quote": "You hung up on me in the middle of the booking"}
        return {**note, "cause_title": "Agent ends the call too early", "evidence": [quote]}

    def other(_: Sent, value: Any) -> Any:
        items = [{**i, "label": "OTHER"} if i["label"] == "UNCLEAR" else i for i in value["items"]]
        return {"items": items}

    with agent_site(engine, PlainReader({"note": noted, "assign": other})) as site:
        site.take_in([*CALLS, lone])
        row = site.audit()
    check(row, [*CALLS, lone])
    assert [(c["title"], c["call_ids"]) for c in row["other_causes"]] == [
        ("Agent ends the call too early", ["lone-1"])
    ]
    assert row["unassigned_call_ids"] == []
