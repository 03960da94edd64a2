"""Names that differ in a sign are two names, even where both make one slug."""

import pytest

from failure_insights.domain.names import best_match, free_slug, name_key, of_name
from failure_insights.store.names import ProjectRow
from failure_insights_tests.unit.test_merging import START


def row(number: int, slug: str, name: str) -> ProjectRow:
    return ProjectRow(number, slug, name, START)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Willow Dental", " willow  DENTAL\n"),
        ("Tool call Accuracy", "tool_call-accuracy"),
        ("Willow Dental", "willow-dental"),
        ("ＣＳＡＴ", "csat"),
        ("Cl\u200binic", "Clinic"),
        ("Straße", "STRASSE"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("C#", "C++"), ("C#", "C"), ("Yes/No", "Yes No"), ("A (EU)", "A EU"), ("Café", "Cafe")],
)
def test_two_names(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_a_slug_that_is_taken_gets_a_number() -> None:
    assert free_slug("C#", ()) == "c"
    assert free_slug("C++", {"c"}) == "c-2"
    assert free_slug("C", {"c", "c-2"}) == "c-3"


def test_slugs_come_before_names_before_spellings() -> None:
    rows = [row(1, "c", "C#"), row(2, "c-2", "C++"), row(3, "c-3", "c-2")]
    for given, number in (("c", 1), ("C#", 1), ("c#", 1), ("C++", 2), ("c-2", 2), ("C_2", 3)):
        assert best_match(rows, given) == rows[number - 1], given
    assert best_match(rows, "C") is None
    assert best_match(rows, "c+") is None


def test_a_name_is_never_another_s_slug() -> None:
    rows = [row(1, "c", "C#")]
    assert of_name(rows, "c") is None
    assert of_name(rows, "c#") == rows[0]


def test_an_id_comes_after_all_names() -> None:
    rows = {7: row(7, "c", "C#"), 8: row(8, "9", "9"), 9: row(9, "seven", "Seven")}
    for given, number in (("7", 7), ("8", 8), ("9", 8), ("seven", 9)):
        assert best_match(rows.values(), given) == rows[number], given
    assert best_match(rows.values(), "10") is None
    assert best_match(rows.values(), "٧") is None
