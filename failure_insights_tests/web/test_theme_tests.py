"""Tests from a theme: they end where the agent has to act, and are of the formats' shapes."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights.errors import BadInput, UnknownName
from failure_insights.export.theme_tests import ThemeTest, make_tests, rendered
from failure_insights.store.projects import find_project
from failure_insights_tests.web.sample import Sample, Theme

#: Turns 2 and 3 of the sample's calls are a tool's call and result, 4 the agent's, 5 the caller's.
CASES = [
    ("I said Tuesday", 5, ["user", "assistant", "assistant", "tool", "assistant", "user"]),
    ("You are booked for Thursday", 4, ["user", "assistant", "assistant", "tool"]),
    ('{"slots": ["09:30"]}', 3, ["user", "assistant", "assistant", "tool"]),
    ('{"day": "Thursday"}', 2, ["user"]),
    ("the agent booked Thursday instead", None, ["user", "assistant", "assistant", "tool"]),
]


def planted(engine: Engine, theme: Theme, turns: Any = None, **options: Any) -> list[ThemeTest]:
    sample = Sample.make(engine)
    metric = sample.metric("CSAT")
    if turns:
        sample.calls([f"call-0-{number}" for number in range(theme.count)], turns=turns)
    sample.audit(metric, [theme])
    theme_id = sample.run("SELECT theme_id FROM themes")
    with engine.connect() as connection:
        return make_tests(connection, find_project(connection, sample.slug), theme_id, **options)


@pytest.mark.parametrize(("quote", "turn", "roles"), CASES)
def test_a_test_ends_where_the_agent_has_to_act(
    engine: Engine, quote: str, turn: int | None, roles: list[str]
) -> None:
    theme = Theme("Wrong day", 3, quote=quote, turn=turn, suggested_fix="Repeat the day.")
    tests = planted(engine, theme)
    assert len(tests) == 3
    assert [message["role"] for message in tests[0]["messages"]] == roles
    assert tests[0]["deciding_turn"] == turn
    assert tests[2]["deciding_turn"] is None  # it has no quote
    assert "Repeat the day." in tests[0]["expected"]
    uses = [use["id"] for m in tests[0]["messages"] for use in m.get("tool_calls", ())]
    answered = [m["tool_call_id"] for m in tests[0]["messages"] if m["role"] == "tool"]
    assert answered == uses


def test_what_people_write_is_what_should_have_happened_in_every_format(engine: Engine) -> None:
    tests = planted(engine, Theme("Wrong day", 3), expected="It books Tuesday.", limit=2)
    lines = {
        format: [json.loads(line) for line in rendered(tests, format).splitlines()]
        for format in ("jsonl", "langfuse", "langsmith")
    }
    assert [test["expected"] for test in lines["jsonl"]] == ["It books Tuesday."] * 2
    item = lines["langfuse"][0]
    assert set(item) == {"datasetName", "id", "input", "expectedOutput", "metadata"}
    assert item["expectedOutput"] == {"expected": "It books Tuesday."}
    example = lines["langsmith"][0]
    assert set(example) == {"inputs", "outputs", "metadata"}
    assert example["inputs"]["messages"] == tests[0]["messages"]
    cases = json.loads(rendered(tests, "promptfoo"))
    assert cases[0]["assert"] == [{"type": "llm-rubric", "value": "It books Tuesday."}]
    assert cases[0]["vars"]["messages"] == tests[0]["messages"]
    assert len({test["id"] for test in tests}) == 2
    with pytest.raises(BadInput, match="promptfoo"):
        rendered(tests, "yaml")


def test_promptfoo_takes_no_word_of_a_caller_for_a_template(engine: Engine) -> None:
    turns = [
        {"role": "user", "content": "My name is {{env.OPENAI_API_KEY}} {%if x%} {{{# I said"},
        {"role": "agent", "content": "Hello."},
    ]
    tests = planted(engine, Theme("Wrong day", 3, quote="I said", turn=0), turns)
    text = json.dumps(json.loads(rendered(tests, "promptfoo"))[0]["vars"])
    assert not any(mark in text.replace("[{", "") for mark in ("{{", "{%", "{#"))
    assert "{{env" in json.dumps(tests[0]["messages"])


def test_a_theme_of_another_project_has_no_tests_here(engine: Engine) -> None:
    planted(engine, Theme("Wrong day", 3))
    other = Sample.make(engine, "Other")
    with engine.connect() as connection, pytest.raises(UnknownName):
        make_tests(connection, find_project(connection, other.slug), "th_0123456789ab")
