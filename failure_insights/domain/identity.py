"""Which theme is which: a theme that recurs keeps its id and its title from day to day."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, count

from failure_insights.domain.breakdown import AuditorName, Breakdown, FailureMode

#: Words, calls and the auditor's own proposal: what speaks for "the same theme", and how loudly.
TERMS_WEIGHT, CALLS_WEIGHT, PROPOSAL_WEIGHT = 0.5, 0.3, 0.2
#: Below it a theme is new. Themes of the agent carry the words of their criterion, so that the same
#: ones are more alike, and unlike ones too. Calibrated on planted days; see docs/tuning.md.
SAME_THEME: Mapping[AuditorName, float] = {"wording": 0.25, "agent": 0.35}


@dataclass(frozen=True, slots=True)
class PriorTheme:
    """A theme of earlier days of the same project and metric, as identity knows it.

    `history` is the count per day (partition dates before the audit's own); `call_ids` the
    calls of its newest day, which may still be in the pool.
    """

    theme_id: str
    title: str
    description: str
    criterion: str
    origin: str
    terms: Mapping[str, float]
    first_seen: date
    history: Mapping[date, int] = field(default_factory=dict)
    call_ids: frozenset[str] = frozenset()


def settle_identity(
    breakdown: Breakdown,
    prior_themes: Sequence[PriorTheme],
    project_metric: str,
    date: date,
) -> Breakdown:
    """Return the breakdown with every theme's `theme_id` and `status` settled.

    A theme that recurs takes the id, the title and the criterion of the earlier theme, so that
    people see the same name every day. A new one gets an id made of the pair, the date and its
    calls: the same audit run twice makes the same ids.

    Args:
        breakdown: `theme_id` of its modes is empty, or the earlier theme the auditor proposes.
        prior_themes: themes of this and earlier days of the same pair, in any order; those of
            an earlier audit of the same day keep their id and are still new.
        project_metric: the pair's key, `PROJECT/METRIC` as slugs.
        date: the audit's partition date.
    """
    priors = sorted(prior_themes, key=lambda prior: prior.theme_id)
    matched = _match(breakdown, priors)
    known_ids = {prior.theme_id for prior in priors}
    taken: set[str] = set()
    settled: dict[int, FailureMode] = {}
    for index in sorted(range(len(breakdown.failure_modes)), key=lambda i: i not in matched):
        mode = breakdown.failure_modes[index]
        if prior := matched.get(index):
            mode = replace(
                mode,
                theme_id=prior.theme_id,
                title=prior.title,
                criterion=prior.criterion or mode.criterion,
                status="recurring" if prior.first_seen < date else "new",
            )
        else:
            theme_id = _new_id(project_metric, date, mode, known_ids)
            known_ids.add(theme_id)
            mode = replace(mode, theme_id=theme_id, status="new")
        title = _distinct(mode, taken)
        taken.add(_folded(title))
        settled[index] = replace(mode, title=title)
    return replace(breakdown, failure_modes=tuple(settled[i] for i in sorted(settled)))


def _match(breakdown: Breakdown, priors: Sequence[PriorTheme]) -> dict[int, PriorTheme]:
    """Return the earlier theme of each mode that has one: the best one-to-one assignment."""
    modes = breakdown.failure_modes
    if not modes or not priors:
        return {}
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    seen_twice = frozenset().union(*(prior.call_ids for prior in priors))
    seen_twice &= frozenset(breakdown.pool.call_ids)
    scores = np.array([[likeness(mode, prior, seen_twice) for prior in priors] for mode in modes])
    # A pair below the threshold scores nothing, so that it never costs a true pair its place.
    least = SAME_THEME[breakdown.auditor]
    rows, columns = linear_sum_assignment(np.where(scores >= least, scores, 0), maximize=True)
    return {
        int(row): priors[int(column)]
        for row, column in zip(rows, columns, strict=True)
        if scores[row, column] >= least
    }


def likeness(mode: FailureMode, prior: PriorTheme, seen_twice: frozenset[str]) -> float:
    """Return how surely the mode is the earlier theme, 0 to 1.

    Args:
        seen_twice: calls of the pool that earlier themes held too. Where neither theme has one,
            calls cannot speak, and the words take their weight.
    """
    score, weight = TERMS_WEIGHT * _cosine(mode.terms, prior.terms), TERMS_WEIGHT
    now, then = seen_twice & set(mode.call_ids), seen_twice & prior.call_ids
    if now or then:
        score += CALLS_WEIGHT * len(now & then) / len(now | then)
        weight += CALLS_WEIGHT
    proposed = PROPOSAL_WEIGHT if mode.theme_id == prior.theme_id else 0.0
    return (1 - PROPOSAL_WEIGHT) * score / weight + proposed


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    dot = sum(weight * other[term] for term, weight in one.items() if term in other)
    norms = sum(w * w for w in one.values()) * sum(w * w for w in other.values())
    return float(dot / norms**0.5) if norms > 0 else 0.0


def _new_id(pair: str, date: date, mode: FailureMode, taken: set[str]) -> str:
    """Return `th_` and 12 hex digits; salted further in the unlikely case that it is taken."""
    parts = [pair, date.isoformat(), mode.title, *sorted(mode.call_ids)]
    while True:
        theme_id = "th_" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        if theme_id not in taken:
            return theme_id
        parts.append(theme_id)


def _distinct(mode: FailureMode, taken: set[str]) -> str:
    """Return the mode's title; where another holds it, with a word that only this one has."""
    if _folded(mode.title) not in taken:
        return mode.title
    words = sorted(mode.terms, key=lambda term: (-mode.terms[term], term))
    marks = [word for word in words if _folded(word) not in _folded(mode.title)]
    for mark in chain(marks, map(str, count(2))):
        if _folded(title := f"{mode.title} ({mark})") not in taken:
            return title
    raise AssertionError("there is always a next number")


def _folded(title: str) -> str:
    return " ".join(title.split()).casefold()
