"""From what the agent submits to themes: local handles only, one mechanism once."""

from datetime import date

import pytest

from failure_insights.audit.agent.output_filter import OutputFilter
from failure_insights.audit.agent.schemas import Draft, DraftTheme
from failure_insights.audit.agent.themes import MOST_THEMES, Handles, themes_of
from failure_insights.domain.identity import PriorTheme

WORDS = ("ash", "bay", "cob", "dew", "elm", "fig", "gum", "hay", "ivy", "jet", "kin", "log")
KNOWN = frozenset(f"c{number:03}" for number in range(1, 41))
HANDLES = Handles(KNOWN, {"call-0007": "c007"})
PRIOR = PriorTheme(
    "th_0123456789ab",
    "Calendar tool fails",
    "It fails.",
    "The calendar tool failed.",
    "tool_or_integration",
    {},
    date(2026, 11, 22),
)


def theme(title: str = "Booking tool fails without retry", **changes: object) -> DraftTheme:
    fields = {
        "reuse_theme_id": None,
        "title": title,
        "description": "It fails.",
        "criterion": f"The call failed since {title.casefold()}.",
        "not_this": "",
        "origin": "tool_or_integration",
        "suggested_fix": "",
        "seed_handles": ["c001", "c002"],
    }
    return DraftTheme.model_validate({**fields, **changes})


def themes(*submitted: DraftTheme, mute: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    draft = Draft(analysis="", themes=list(submitted))
    found, problems = themes_of(draft, HANDLES, mute, [PRIOR], OutputFilter([]))
    return [item.title for item in found], problems


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("c001", "c001"),
        ("C1", "c001"),
        (" c1 ", "c001"),
        ("c0001", "c001"),
        ("1", "c001"),
        ("call-0007", "c007"),
        ("c041", None),
        ("c000", None),
        ("call-9999", None),
        ("c1; DROP TABLE calls", None),
        ("", None),
    ],
)
def test_a_handle_is_known_however_it_is_spelled(spelled: str, meant: str | None) -> None:
    assert HANDLES.resolve(spelled) == meant


def test_a_theme_needs_two_calls_of_the_pool() -> None:
    one = theme("Agent mishears the weekday", seed_handles=["c001", "c001", "c999"])
    found, problems = themes(theme(), one)
    assert found == ["Booking tool fails without retry"]
    assert len([p for p in problems if "seed handles" in p]) == 2


def test_a_call_that_speaks_to_its_reader_seeds_nothing() -> None:
    assert themes(theme(), mute=("c002",))[0] == []


def test_the_same_theme_twice_is_one() -> None:
    twin = theme("BOOKING tool fails without retry", seed_handles=["c003", "c004"])
    other = theme("Another title", criterion=theme().criterion, seed_handles=["c005", "c006"])
    assert themes(theme(), twin, other)[0] == ["Booking tool fails without retry"]


def test_themes_beyond_the_tenth_are_left_out() -> None:
    many = [
        theme(f"Mechanism {word} breaks the call", seed_handles=[f"c{2 * i + 1}", f"c{2 * i + 2}"])
        for i, word in enumerate(
            ["ash", "bay", "cob", "dew", "elm", "fig", "gum", "hay", "ivy", "jet", "kin", "log"]
        )
    ]
    found, problems = themes(*many)
    assert len(found) == MOST_THEMES
    assert problems


def test_an_earlier_theme_keeps_its_name_and_criterion() -> None:
    draft = Draft(analysis="", themes=[theme("New words", reuse_theme_id=PRIOR.theme_id)])
    (found,), _ = themes_of(draft, HANDLES, (), [PRIOR], OutputFilter([]))
    assert (found.title, found.criterion, found.prior_id) == (
        PRIOR.title,
        PRIOR.criterion,
        PRIOR.theme_id,
    )


@pytest.mark.parametrize("spoofed", ["th_ffffffffffff", "", "null", "th_123"])
def test_an_id_that_nobody_gave_makes_a_new_theme(spoofed: str) -> None:
    draft = Draft(analysis="", themes=[theme(reuse_theme_id=spoofed)])
    (found,), _ = themes_of(draft, HANDLES, (), [PRIOR], OutputFilter([]))
    assert found.prior_id == ""


@pytest.mark.parametrize("title", ["Miscellaneous", "Other", "", "<b></b>", "https://evil.example"])
def test_a_theme_without_a_name_is_refused(title: str) -> None:
    assert themes(theme(title))[0] == []


def test_no_theme_is_said_so() -> None:
    assert themes() == ([], ["No usable theme; submit one to six."])
