"""What the agent submits becomes themes and causes: local handles only, one mechanism once."""

from datetime import date

import pytest

from failure_insights.audit.agent.output_filter import OutputFilter
from failure_insights.audit.agent.schemas import Draft, DraftCause, DraftTheme
from failure_insights.audit.agent.themes import MOST_THEMES, DraftReader, Handles, Taxonomy
from failure_insights.domain.identity import PriorCause, PriorTheme

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


PRIOR_CAUSE = PriorCause(
    "ca_0123456789ab", "Calendar gives up", "The calendar gave up.", {}, date(2026, 11, 22)
)


def cause(title: str = "Booking tool fails without retry", **changes: object) -> DraftCause:
    fields = {
        "reuse_cause_id": None,
        "title": title,
        "criterion": f"The call failed since {title.casefold()}.",
        "not_this": "",
        "seed_handles": ["c001", "c002"],
        "also_handles": [],
    }
    return DraftCause.model_validate({**fields, **changes})


def theme(title: str = "Booking tool fails without retry", **changes: object) -> DraftTheme:
    own = {"criterion", "seed_handles", "reuse_cause_id"} & changes.keys()
    fields = {
        "reuse_theme_id": None,
        "title": title,
        "description": "It fails.",
        "causes": [cause(title or "A cause of some kind", **{k: changes.pop(k) for k in own})],
        "origin": "tool_or_integration",
        "suggested_fix": "",
        "severity_reason": "Nothing was booked.",
        "severity": "high",
    }
    return DraftTheme.model_validate({**fields, **changes})


def read(*submitted: DraftTheme, mute: tuple[str, ...] = ()) -> tuple[Taxonomy, list[str]]:
    draft = Draft(analysis="", themes=list(submitted), other_causes=[])
    return DraftReader(HANDLES, mute, [PRIOR], [PRIOR_CAUSE], OutputFilter([])).read(draft)


def themes(*submitted: DraftTheme, mute: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    found, problems = read(*submitted, mute=mute)
    return [item.title for item in found.themes], problems


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
    assert len([p for p in problems if "seed handle" in p]) >= 2


def test_a_call_that_speaks_to_its_reader_seeds_nothing() -> None:
    assert themes(theme(), mute=("c002",))[0] == []


def test_the_same_theme_twice_is_one() -> None:
    twin = theme("BOOKING tool fails without retry", seed_handles=["c003", "c004"])
    other = theme("Another title", criterion=cause().criterion, seed_handles=["c005", "c006"])
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


def test_an_earlier_theme_and_cause_keep_their_words() -> None:
    reused = theme("New words", reuse_theme_id=PRIOR.theme_id, reuse_cause_id=PRIOR_CAUSE.cause_id)
    (found,) = read(reused)[0].themes
    assert (found.title, found.prior_id) == (PRIOR.title, PRIOR.theme_id)
    (kept,) = found.causes
    assert (kept.title, kept.criterion) == (PRIOR_CAUSE.title, PRIOR_CAUSE.criterion)
    assert kept.prior_id == PRIOR_CAUSE.cause_id


@pytest.mark.parametrize("spoofed", ["th_ffffffffffff", "", "null", "th_123"])
def test_an_id_that_nobody_gave_makes_a_new_theme(spoofed: str) -> None:
    (found,) = read(theme(reuse_theme_id=spoofed, reuse_cause_id=spoofed))[0].themes
    assert (found.prior_id, found.causes[0].prior_id) == ("", "")


def test_a_call_counts_for_the_first_cause_that_names_it() -> None:
    first = cause("Agent skips the lookup", seed_handles=["c001", "c002"])
    second = cause("Agent mishears the date", seed_handles=["c002", "c003"], also_handles=["c001"])
    (found,) = read(theme(causes=[first, second]))[0].themes
    assert [c.seeds for c in found.causes] == [("c001", "c002"), ("c003",)]
    assert found.causes[1].also == ("c001",)


def test_causes_of_no_theme_are_kept_beside_the_themes() -> None:
    lone = cause("Agent hangs up early", seed_handles=["c009"])
    draft = Draft(analysis="", themes=[theme()], other_causes=[lone])
    found, problems = DraftReader(HANDLES, (), [], [], OutputFilter([])).read(draft)
    assert [c.title for c in found.others] == ["Agent hangs up early"]
    assert not problems
    assert found.theme_of == {0: 0}


@pytest.mark.parametrize("title", ["Miscellaneous", "Other", "", "<b></b>", "https://evil.example"])
def test_a_theme_without_a_name_is_refused(title: str) -> None:
    assert themes(theme(title))[0] == []


def test_no_theme_is_said_so() -> None:
    assert themes() == ([], ["No usable theme; submit one to six."])
