"""Recognises themes and causes: one that recurs keeps its id and its title from day to day."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, count

from failure_insights.domain.breakdown import (
    AuditorName,
    Breakdown,
    Cause,
    FailureMode,
    ThemeStatus,
)

#: Parts of the score (0 to 1) that speaks for "the same theme": its words,
TERMS_WEIGHT = 0.5
#: its calls that are in the pool still,
CALLS_WEIGHT = 0.3
#: and the auditor's own proposal.
PROPOSAL_WEIGHT = 0.2
#: Below it a theme is new. Themes of the agent carry the words of their criterion, so that the same
#: ones are more alike, and unlike ones too. Calibrated on planted days; see docs/tuning.md.
SAME_THEME: Mapping[AuditorName, float] = {"wording": 0.25, "agent": 0.35}


@dataclass(frozen=True, slots=True)
class PriorTheme:
    """A theme of earlier days of the same project and metric, as identity knows it.

    `history` is the count per day (partition dates before the audit's own); `call_ids` the
    calls of its newest day, which may still be in the pool. `dismissal` is why people dismissed
    it, in their words; "" for one that they did not.
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
    dismissal: str = ""


@dataclass(frozen=True, slots=True)
class PriorCause:
    """A cause of earlier days, as identity knows it; `call_ids` are those of its newest day."""

    cause_id: str
    title: str
    criterion: str
    terms: Mapping[str, float]
    first_seen: date
    theme_id: str = ""
    call_ids: frozenset[str] = frozenset()


def settle_identity(
    breakdown: Breakdown,
    prior_themes: Sequence[PriorTheme],
    project_metric: str,
    date: date,
    prior_causes: Sequence[PriorCause] = (),
) -> Breakdown:
    """Return the breakdown with the id and the status of every theme and cause settled.

    A theme that recurs takes the id, the title and the criterion of the earlier theme, so that
    people see the same name every day; so does a cause. A new one gets an id made of the pair, the
    date and its calls: the same audit run twice makes the same ids.

    Args:
        breakdown: ids of its themes and causes are empty, or those that the auditor proposes.
        prior_themes: themes of this and other days of the same pair, in any order; those of an
            earlier audit of the same day, or of later days only, keep their id and are new.
        project_metric: the pair's key, `PROJECT/METRIC` as slugs.
        date: the audit's partition date.
        prior_causes: causes of this and earlier days, as with themes.
    """
    causes = _Settled("ca_", breakdown, project_metric, date)
    groups = [(mode.causes, mode) for mode in breakdown.failure_modes]
    all_causes = [cause for mode in breakdown.failure_modes for cause in mode.causes]
    all_causes += breakdown.other_causes
    named = causes.settle([_Group.of_cause(c) for c in all_causes], _priors_of_causes(prior_causes))
    settled_causes = iter(
        replace(c, cause_id=n.key, title=n.title, criterion=n.criterion, status=n.status)
        for c, n in zip(all_causes, named, strict=True)
    )
    themes = _Settled("th_", breakdown, project_metric, date).settle(
        [_Group.of_theme(mode) for mode in breakdown.failure_modes], _priors_of_themes(prior_themes)
    )
    modes = tuple(
        replace(
            mode,
            theme_id=name.key,
            title=name.title,
            criterion=name.criterion,
            status=name.status,
            causes=tuple(next(settled_causes) for _ in own),
        )
        for (own, mode), name in zip(groups, themes, strict=True)
    )
    return replace(breakdown, failure_modes=modes, other_causes=tuple(settled_causes))


@dataclass(frozen=True, slots=True)
class _Group:
    """A theme or a cause of one day, as both are recognised; `key` is its id."""

    key: str
    title: str
    criterion: str
    terms: Mapping[str, float]
    call_ids: frozenset[str]
    first_seen: date | None = None
    status: ThemeStatus = "new"

    @classmethod
    def of_theme(cls, mode: FailureMode) -> "_Group":
        return cls(mode.theme_id, mode.title, mode.criterion, mode.terms, frozenset(mode.call_ids))

    @classmethod
    def of_cause(cls, cause: Cause) -> "_Group":
        calls = frozenset(cause.call_ids)
        return cls(cause.cause_id, cause.title, cause.criterion, cause.terms, calls)


def _priors_of_themes(priors: Sequence[PriorTheme]) -> list[_Group]:
    return [
        _Group(p.theme_id, p.title, p.criterion, p.terms, p.call_ids, p.first_seen) for p in priors
    ]


def _priors_of_causes(priors: Sequence[PriorCause]) -> list[_Group]:
    return [
        _Group(p.cause_id, p.title, p.criterion, p.terms, p.call_ids, p.first_seen) for p in priors
    ]


@dataclass(frozen=True, slots=True)
class _Settled:
    """Settles the groups of one level of a breakdown; `prefix` begins that level's ids."""

    prefix: str
    breakdown: Breakdown
    project_metric: str
    date: date

    def settle(self, groups: Sequence[_Group], priors: Sequence[_Group]) -> list[_Group]:
        """Return the groups in their order, each with its id, title and criterion."""
        priors = sorted(priors, key=lambda prior: prior.key)
        matched = self._match(groups, priors)
        known_ids = {prior.key for prior in priors}
        taken: set[str] = set()
        settled: dict[int, _Group] = {}
        for index in sorted(range(len(groups)), key=lambda i: i not in matched):
            group = groups[index]
            if prior := matched.get(index):
                is_earlier = prior.first_seen is not None and prior.first_seen < self.date
                group = replace(
                    group,
                    key=prior.key,
                    title=prior.title,
                    criterion=prior.criterion or group.criterion,
                    status="recurring" if is_earlier else "new",
                )
            else:
                key = self._new_id(group, known_ids)
                known_ids.add(key)
                group = replace(group, key=key, status="new")
            title = _distinct(group, taken)
            taken.add(_folded(title))
            settled[index] = replace(group, title=title)
        return [settled[i] for i in range(len(groups))]

    def _match(self, groups: Sequence[_Group], priors: Sequence[_Group]) -> dict[int, _Group]:
        """Return the earlier group of each that has one: the best one-to-one assignment."""
        if not groups or not priors:
            return {}
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        seen_twice = frozenset().union(*(prior.call_ids for prior in priors))
        seen_twice &= frozenset(self.breakdown.pool.call_ids)
        scores = np.array(
            [[_likeness(group, prior, seen_twice) for prior in priors] for group in groups]
        )
        # A pair below the threshold scores nothing, so that it never costs a true pair its place.
        least = SAME_THEME[self.breakdown.auditor]
        rows, columns = linear_sum_assignment(np.where(scores >= least, scores, 0), maximize=True)
        return {
            int(row): priors[int(column)]
            for row, column in zip(rows, columns, strict=True)
            if scores[row, column] >= least
        }

    def _new_id(self, group: _Group, taken: set[str]) -> str:
        """Return the prefix and 12 hex digits; salted further in the unlikely case of a clash."""
        parts = [self.project_metric, self.date.isoformat(), group.title, *sorted(group.call_ids)]
        while True:
            key = self.prefix + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
            if key not in taken:
                return key
            parts.append(key)


def _likeness(group: _Group, prior: _Group, seen_twice: frozenset[str]) -> float:
    """Return how surely the group is the earlier one, 0 to 1.

    Args:
        seen_twice: calls of the pool that earlier groups held too. Where neither group has one,
            calls cannot speak, and the words take their weight.
    """
    score, weight = TERMS_WEIGHT * _cosine(group.terms, prior.terms), TERMS_WEIGHT
    now, then = seen_twice & group.call_ids, seen_twice & prior.call_ids
    if now or then:
        score += CALLS_WEIGHT * len(now & then) / len(now | then)
        weight += CALLS_WEIGHT
    proposed = PROPOSAL_WEIGHT if group.key == prior.key else 0.0
    return (1 - PROPOSAL_WEIGHT) * score / weight + proposed


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    dot = sum(weight * other[term] for term, weight in one.items() if term in other)
    norms = sum(w * w for w in one.values()) * sum(w * w for w in other.values())
    return float(dot / norms**0.5) if norms > 0 else 0.0


def _distinct(group: _Group, taken: set[str]) -> str:
    """Return the group's title; where another holds it, with a word that only this one has."""
    if _folded(group.title) not in taken:
        return group.title
    words = sorted(group.terms, key=lambda term: (-group.terms[term], term))
    marks = [word for word in words if _folded(word) not in _folded(group.title)]
    for mark in chain(marks, map(str, count(2))):
        if _folded(title := f"{group.title} ({mark})") not in taken:
            return title
    raise AssertionError("there is always a next number")


def _folded(title: str) -> str:
    return " ".join(title.split()).casefold()
