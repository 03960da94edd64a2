"""What providers judge becomes metric results: verdicts pass or fail, scales wait for a rule."""

from typing import Any

import pytest

from failure_insights.sources import LeftOut
from failure_insights.sources.reading import Losses
from failure_insights.sources.rubrics import results_of
from failure_insights.sources.verdicts import Extracted

ALL = "Success evaluation"

#: Evaluations as Vapi's rubrics have them, and their results: name, passed, score.
EVALUATIONS: list[tuple[Any, list[tuple[str, bool | None, Any]]]] = [
    # PassFail, the default
    ("true", [(ALL, True, None)]),
    ("False", [(ALL, False, None)]),
    (False, [(ALL, False, None)]),
    ("**Fail**", [(ALL, False, None)]),
    ("Unsuccessful.", [(ALL, False, None)]),
    # NumericScale and PercentageScale
    ("7", [(ALL, None, 7)]),
    ("7/10", [(ALL, None, 7)]),
    (3.5, [(ALL, None, 3.5)]),
    ("85%", [(ALL, None, 85)]),
    # DescriptiveScale and LikertScale
    ("Poor", [(ALL, None, "Poor")]),
    ("Strongly Disagree", [(ALL, None, "Strongly Disagree")]),
    # Checklist
    (
        "- [x] Greeted the caller\n- [ ] Asked for the name\n",
        [(f"{ALL}: Greeted the caller", True, None), (f"{ALL}: Asked for the name", False, None)],
    ),
    (
        "1. Greeting: Pass\n2. Name asked - No\nOverall it went badly.",
        [(f"{ALL}: Greeting", True, None), (f"{ALL}: Name asked", False, None)],
    ),
    ("✅ Greeting\n❌ Name", [(f"{ALL}: Greeting", True, None), (f"{ALL}: Name", False, None)]),
    ('{"greeting": true, "name": "not met"}', None),
    (
        '```json\n[{"criterion": "Greeting", "met": false, "reason": "None."}]\n```',
        [(f"{ALL}: Greeting", False, None)],
    ),
    # Matrix
    (
        "| Criterion | Good | Poor |\n|---|---|---|\n| Tone | ✓ | |\n| Speed | | x |",
        [(f"{ALL}: Tone", None, "Good"), (f"{ALL}: Speed", None, "Poor")],
    ),
    ("| Criterion | Level |\n|---|---|\n| Tone | Good |", [(f"{ALL}: Tone", None, "Good")]),
    # Whatever the rubric, LLMs say why, and what it is
    ("Fail - never booked.", [(ALL, False, None)]),
    ("False. The caller hung up.", [(ALL, False, None)]),
    ("pass\n\nAll was done.", [(ALL, True, None)]),
    ("Success: false", [(ALL, False, None)]),
    ("Overall score: 7/10", [(ALL, None, 7)]),
    ('{"success": false, "reason": "Never booked."}', [(ALL, False, None)]),
    ('{"overall": "pass", "score": 8, "summary": "Good."}', [(ALL, True, 8)]),
    ("Greeting ✅\nName ❌", [(f"{ALL}: Greeting", True, None), (f"{ALL}: Name", False, None)]),
    (
        "Rule 1: Greeting: Pass\nRule 2: Name: Fail - reason: yes, but late",
        [(f"{ALL}: Rule 1: Greeting", True, None), (f"{ALL}: Rule 2: Name", False, None)],
    ),
    # AutomaticRubric
    (
        '{"criteria": {"Tone": 8, "Speed": {"score": "4/10", "explanation": "Slow."}}, "total": 6}',
        [
            (f"{ALL}: Tone", None, 8),
            (f"{ALL}: Speed", None, 4),
            (f"{ALL}: total", None, 6),
        ],
    ),
]
EVALUATIONS = [
    (
        evaluation,
        results or [(f"{ALL}: greeting", True, None), (f"{ALL}: name", False, None)],
    )
    for evaluation, results in EVALUATIONS
]


@pytest.mark.parametrize(("evaluation", "expected"), EVALUATIONS)
def test_each_rubric_of_a_success_evaluation_is_read(
    evaluation: Any, expected: list[tuple[str, bool | None, Any]]
) -> None:
    losses = Losses()
    results = results_of(evaluation, "The summary.", losses)
    assert [(r["name"], r["passed"], r["score"]) for r in results] == expected
    assert all(result["explanation"] for result in results)
    assert not losses.counts


@pytest.mark.parametrize("evaluation", ["unknown", "It went as one would want it to go.", {}, [1]])
def test_an_evaluation_that_judges_nothing_is_counted(evaluation: Any) -> None:
    losses = Losses()
    assert results_of(evaluation, "", losses) == []
    assert losses.counts == {LeftOut.RESULTS_WITHOUT_VERDICT: 1}


@pytest.mark.parametrize("evaluation", [None, "", "  "])
def test_an_evaluation_that_was_not_made_is_no_loss(evaluation: Any) -> None:
    losses = Losses()
    assert results_of(evaluation, "", losses) == []
    assert not losses.counts


def test_extracted_data_judges_by_booleans_numbers_and_enums_and_the_rest_is_kept() -> None:
    data = Extracted("The summary.", Losses())
    for name, value in {
        "booked": False,
        "csat": 4,
        "outcome": "not interested",
        "check": {"passed": True, "reason": "All of it."},
        "deep": {"inner": {"polite": "yes"}},
        "berth": {"free": False, "reason": "All were taken."},
        "mood": {"result": "calm"},
        "caller": "Ada Moss",
        "phone": "+15550100",
        "mail": "ada@example.com",
        "notes": "Wants to come on Friday, with a dog.",
        "tags": ["a"],
        "none": None,
    }.items():
        data.add(name, value)
    assert [(r["name"], r["passed"], r["score"], r["explanation"]) for r in data.results] == [
        ("booked", False, None, "The summary."),
        ("csat", None, 4, "The summary."),
        ("outcome", None, "not interested", "The summary."),
        ("check", True, None, "All of it."),
        ("deep: inner: polite", True, None, "The summary."),
        ("berth: free", False, None, "All were taken."),
        ("mood", None, "calm", "The summary."),
    ]
    assert data.rest.keys() == {"caller", "phone", "mail", "notes", "tags"}
