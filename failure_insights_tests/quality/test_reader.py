"""What stands in for an LLM knows the planted causes from what it is shown, and nothing else."""

import orjson
import pytest

from failure_insights.audit import prompts
from failure_insights.audit.agent.cases import read
from failure_insights_tests.endpoint.server import Reply, Sent
from failure_insights_tests.quality.domains import NAMES
from failure_insights_tests.quality.knowledge import knowledge_of
from failure_insights_tests.quality.planted import KINDS, Kind, PlantedPool, plant
from failure_insights_tests.quality.reader import NOISY, ORACLE, Noise, Reader

TELLING: tuple[Kind, ...] = ("lexical", "rare cause")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_causes_are_known_from_words_only_where_the_judge_names_them(name: str, kind: Kind) -> None:
    planted = plant(name, 100, 4, 3, kind=kind, judge_styles=5)
    knows = knowledge_of(planted.pool.metric.prompt)
    found = {call.call_id: knows.in_words(call.explanation) for call in planted.pool.calls}
    if kind in TELLING:
        assert all(causes == [planted.truth[call_id]] for call_id, causes in found.items())
    elif kind in ("one symptom", "three symptoms", "rubric only"):
        assert not any(found.values())
    for call_id, turns in planted.transcripts.items():
        seen = [turn for turn, said in enumerate(turns) if knows.in_line(said.content)]
        assert seen[:1] == [t for t in [planted.cause_turn.get(call_id)] if t is not None]


def notes(noise: Noise, planted: PlantedPool) -> list[dict[str, object]]:
    """Return the reader's notes on the calls of a pool, through the prompt as it is."""
    reader = Reader(noise, planted.causes)
    found = []
    for call in planted.pool.calls:
        reading = read(planted.transcripts[call.call_id], call.explanation, 2_500)
        system, data = prompts.load("note").fill(
            metric=planted.pool.metric.prompt,
            language="English",
            about="(not given)",
            facts="",
            explanation=call.explanation,
            transcript=reading.text,
        )
        messages = [{"role": "system", "content": system}, {"role": "user", "content": data}]
        schema = {"type": "json_schema", "json_schema": {"name": "note"}}
        body = {"messages": messages, "response_format": schema}
        found.append(answer(reader(Sent("", {}, body, 0.0, 1))))
    return found


def answer(reply: Reply) -> dict[str, object]:
    assert isinstance(reply.body, dict)
    value: dict[str, object] = orjson.loads(reply.body["choices"][0]["message"]["content"])
    return value


@pytest.mark.parametrize(
    ("noise", "least", "most"),
    [
        pytest.param(ORACLE, 1.0, 1.0, id="oracle"),
        pytest.param(NOISY, 0.75, 0.85, id="wrong on 20 % of notes"),
    ],
)
def test_a_reader_is_right_as_often_as_it_is_told(noise: Noise, least: float, most: float) -> None:
    planted = plant("shop", 300, 4, 5, kind="one symptom")
    knows = knowledge_of(planted.pool.metric.prompt)
    taken = notes(noise, planted)
    right = [
        knows.in_words(str(note["root_cause"])) == [planted.truth[call.call_id]]
        for note, call in zip(taken, planted.pool.calls, strict=True)
    ]
    assert least <= sum(right) / len(right) <= most
    assert notes(noise, planted) == taken
