"""A theme that recurs is recognised; a new one is not mistaken for it."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_insights.domain.breakdown import Breakdown, FailureMode
from failure_insights.domain.identity import PriorTheme, settle_identity
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
TODAY = date(2026, 11, 24)
EARLIER = date(2026, 11, 20)
PAIR = "shop/expected-outcome"

DATES = {"date": 0.8, "misheard": 0.6, "day": 0.3}
TOOLS = {"tool": 0.9, "error": 0.5, "retry": 0.3}


def mode(title: str, call_ids: str, terms: dict[str, float], theme_id: str = "") -> FailureMode:
    return FailureMode(title, "", tuple(call_ids), terms=terms, theme_id=theme_id)


def prior(
    theme_id: str,
    title: str,
    terms: dict[str, float],
    call_ids: str = "",
    first_seen: date = EARLIER,
) -> PriorTheme:
    return PriorTheme(
        theme_id, title, "", "old", "unclear", terms, first_seen, {}, frozenset(call_ids)
    )


def found(*modes: FailureMode) -> Breakdown:
    calls = tuple(
        FailingCall(call_id, "agent", NOW, "") for mode in modes for call_id in mode.call_ids
    )
    pool = Pool("shop", MetricCard("Expected Outcome"), Window(NOW, 1), calls)
    return Breakdown(pool, modes, "wording")


def settled(breakdown: Breakdown, *priors: PriorTheme) -> list[tuple[str, str, str]]:
    modes = settle_identity(breakdown, priors, PAIR, TODAY).failure_modes
    return [(m.theme_id, m.title, m.status) for m in modes]


def test_a_recurring_theme_keeps_its_id_title_and_criterion() -> None:
    old = prior("th_1", "Misheard the date", DATES)
    result = settle_identity(found(mode("Wrong day booked", "ab", DATES)), [old], PAIR, TODAY)
    (kept,) = result.failure_modes
    assert (kept.theme_id, kept.title, kept.criterion, kept.status) == (
        "th_1",
        "Misheard the date",
        "old",
        "recurring",
    )


def test_a_theme_found_again_on_its_first_day_keeps_its_id_and_is_still_new() -> None:
    old = prior("th_1", "Misheard the date", DATES, first_seen=TODAY)
    assert settled(found(mode("Wrong day", "ab", DATES)), old) == [
        ("th_1", "Misheard the date", "new")
    ]


def test_a_theme_in_other_words_is_new() -> None:
    ((theme_id, title, status),) = settled(
        found(mode("Tool failed", "ab", TOOLS)), prior("th_1", "Misheard the date", DATES)
    )
    assert theme_id.startswith("th_")
    assert len(theme_id) == 15
    assert (title, status) == ("Tool failed", "new")


def test_each_earlier_theme_goes_to_the_theme_most_like_it() -> None:
    today = found(mode("A", "ab", TOOLS), mode("B", "cd", DATES), mode("C", "e", {"tool": 1.0}))
    result = settled(today, prior("th_d", "D", DATES), prior("th_t", "T", TOOLS))
    assert [theme_id for theme_id, _, _ in result[:2]] == ["th_t", "th_d"]
    assert result[2][2] == "new"


def test_calls_in_both_windows_outweigh_words_in_common() -> None:
    shared = {"agent": 1.0, "date": 0.2}
    today = found(mode("A", "abc", shared), mode("B", "xyz", shared))
    result = settled(today, prior("th_x", "X", shared, "xyz"), prior("th_a", "A", shared, "abc"))
    assert [theme_id for theme_id, _, _ in result] == ["th_a", "th_x"]


@pytest.mark.parametrize(
    ("proposed", "terms", "status"),
    [
        ("th_1", {"date": 0.2, "slot": 1.0}, "recurring"),  # a proposal tips the scale
        ("", {"date": 0.2, "slot": 1.0}, "new"),
        ("th_1", TOOLS, "new"),  # but no proposal makes a theme of other words the same
        ("th_unknown", TOOLS, "new"),
        ("th_unknown", DATES, "recurring"),
    ],
)
def test_an_auditor_proposes_and_code_decides(
    proposed: str, terms: dict[str, float], status: str
) -> None:
    today = found(mode("Wrong day", "ab", terms, proposed))
    ((theme_id, _, found_status),) = settled(today, prior("th_1", "Misheard the date", DATES))
    assert found_status == status
    assert (theme_id == "th_1") == (status == "recurring")
    assert theme_id != "th_unknown"


def test_a_new_theme_with_the_title_of_a_kept_one_is_told_apart() -> None:
    today = found(mode("Misheard the date", "ab", TOOLS), mode("Wrong day", "cd", DATES))
    titles = [title for _, title, _ in settled(today, prior("th_1", "Misheard the date", DATES))]
    assert titles == ["Misheard the date (tool)", "Misheard the date"]


def test_the_same_audit_settles_the_same_ids_on_the_same_day_only() -> None:
    today = found(mode("A", "ab", DATES), mode("B", "cd", TOOLS))
    assert settle_identity(today, [], PAIR, TODAY) == settle_identity(today, [], PAIR, TODAY)
    other = settle_identity(today, [], PAIR, date(2026, 11, 25))
    ours = settle_identity(today, [], PAIR, TODAY)
    ids = {m.theme_id for b in (ours, other) for m in b.failure_modes}
    assert len(ids) == 4


WORDS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1), max_size=4)


@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, max_size=8), st.randoms())
def test_no_two_themes_share_an_id_or_a_title(
    today: list[dict[str, float]],
    earlier: list[dict[str, float]],
    random: "st.random.Random",  # type: ignore[name-defined]
) -> None:
    modes = [mode("Same title", chr(65 + i), terms) for i, terms in enumerate(today)]
    priors = [prior(f"th_{i}", "Same title", terms) for i, terms in enumerate(earlier)]
    result = settled(found(*modes), *priors)
    assert len({theme_id for theme_id, _, _ in result}) == len(modes)
    assert len({title for _, title, _ in result}) == len(modes)
    random.shuffle(priors)
    assert settled(found(*modes), *priors) == result


def test_identity_changes_nothing_but_names() -> None:
    before = found(mode("A", "ab", DATES), mode("B", "cd", TOOLS))
    after = settle_identity(before, [prior("th_1", "T", TOOLS)], PAIR, TODAY)
    assert [m.call_ids for m in after.failure_modes] == [m.call_ids for m in before.failure_modes]
    assert replace(after, failure_modes=before.failure_modes) == before
