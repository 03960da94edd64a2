"""How well a breakdown finds the planted causes. Every score is 0 to 1 unless it says otherwise.

V-measure (Rosenberg and Hirschberg 2007), adjusted Rand index and adjusted mutual information
compare the grouping with the truth; theme scores match themes to causes one to one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
)

from failure_insights.domain.breakdown import (
    Breakdown,
    Evidence,
    MetricFinding,
    SuspectedJudgeError,
)
from failure_insights_tests.quality.planted import PlantedPool

#: A theme is a cause where their calls have at least this Jaccard index.
SAME = 0.5


@dataclass(frozen=True)
class Scores:
    """`k_error` is themes minus causes; `count_error` how far the sizes of themes are off."""

    v_measure: float
    homogeneity: float
    completeness: float
    ari: float
    ami: float
    theme_precision: float
    theme_recall: float
    theme_f1: float
    count_error: float
    coverage: float
    evidence_at_cause: float
    verbatim: float
    judge_precision: float
    judge_recall: float
    k_error: float


def score(breakdown: Breakdown, planted: PlantedPool) -> Scores:
    """Return the scores of a breakdown; calls without a theme count as one more group."""
    ids = breakdown.pool.call_ids
    group = _groups(breakdown)
    truth = [planted.truth[call_id] for call_id in ids]
    found = [group[call_id] for call_id in ids]
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(truth, found)
    causes = {
        cause: {c for c in ids if planted.truth[c] == cause and c not in planted.judge_wrong}
        for cause in dict.fromkeys(truth)
    }
    causes = {cause: calls for cause, calls in causes.items() if calls}
    themes = [set(mode.call_ids) for mode in breakdown.failure_modes]
    jaccard = np.array([[len(t & c) / len(t | c) for c in causes.values()] for t in themes])
    jaccard = jaccard.reshape(len(themes), len(causes))
    rows, columns = linear_sum_assignment(jaccard, maximize=True)
    matched = sum(jaccard[rows, columns] >= SAME)
    sizes = [len(calls) for calls in causes.values()]
    paired = dict(zip(columns.tolist(), rows.tolist(), strict=True))
    off = sum(
        abs(size - (len(themes[paired[i]]) if i in paired else 0)) for i, size in enumerate(sizes)
    ) + sum(len(theme) for i, theme in enumerate(themes) if i not in rows)
    precision, recall = matched / max(1, len(themes)), matched / max(1, len(causes))
    suspected = {error.call_id for error in breakdown.suspected_judge_errors}
    right = len(suspected & planted.judge_wrong)
    return Scores(
        v_measure=v_measure,
        homogeneity=homogeneity,
        completeness=completeness,
        ari=adjusted_rand_score(truth, found),
        ami=adjusted_mutual_info_score(truth, found),
        theme_precision=precision,
        theme_recall=recall,
        theme_f1=2 * precision * recall / max(1e-9, precision + recall),
        count_error=min(1.0, off / (2 * len(ids))),
        coverage=1 - _without_cause(breakdown) / len(ids),
        evidence_at_cause=_evidence_at_cause(breakdown, planted),
        verbatim=_verbatim(breakdown, planted),
        judge_precision=right / len(suspected) if suspected else float("nan"),
        judge_recall=right / len(planted.judge_wrong) if planted.judge_wrong else float("nan"),
        k_error=float(len(themes) - len(causes)),
    )


def v_of_causes(breakdown: Breakdown, labels: Mapping[str, str]) -> float:
    """Return the V-measure of the finer level: of causes, whichever theme they are in.

    Args:
        labels: the cause of each call, by the truth or by somebody who read it.
    """
    return v_of_labels(causes_of(breakdown), labels)


def v_of_labels(one: Mapping[str, str], other: Mapping[str, str]) -> float:
    """Return the V-measure of two ways of grouping calls, over the calls that both have."""
    both = sorted(one.keys() & other.keys())
    first, second = [one[call_id] for call_id in both], [other[call_id] for call_id in both]
    return float(homogeneity_completeness_v_measure(first, second)[2])


def causes_of(breakdown: Breakdown) -> dict[str, str]:
    """Return each call's cause; those of calls without one are what they are instead."""
    group = _groups(breakdown)
    for index, mode in enumerate(breakdown.failure_modes):
        for number, cause in enumerate(mode.causes):
            group |= dict.fromkeys(cause.call_ids, f"theme {index}, cause {number}")
    return group


def calibration(breakdown: Breakdown, truth: Mapping[str, str]) -> dict[str, Counter[bool]]:
    """Return how many calls are where they belong, by what they were put there on.

    A call is if the cause that it is shown under is mostly of calls with its true cause.
    """
    group = causes_of(breakdown)
    shown = {call_id for mode in breakdown.failure_modes for call_id in mode.call_ids}
    shown |= {call_id for cause in breakdown.other_causes for call_id in cause.call_ids}
    shown &= truth.keys()
    main = {
        name: Counter(truth[c] for c in sorted(shown) if group[c] == name).most_common(1)[0][0]
        for name in {group[c] for c in shown}
    }
    bases = breakdown.provenance.get("confidence", {})
    return {
        basis: Counter(main[group[c]] == truth[c] for c in call_ids if c in shown)
        for basis, call_ids in bases.items()
    }


def _without_cause(breakdown: Breakdown) -> int:
    return len(breakdown.unassigned_call_ids) + len(breakdown.not_read_call_ids)


def mean(scores: list[Scores]) -> Scores:
    """Return the mean of each score, over the pools where it is defined; `k_error` absolute."""
    values = {}
    for item in fields(Scores):
        column = np.abs([getattr(one, item.name) for one in scores])
        values[item.name] = float(np.nanmean(column)) if not np.isnan(column).all() else np.nan
    return Scores(**values)


def interval(values: Sequence[float], resamples: int = 1000) -> tuple[float, float]:
    """Return the bootstrap's 95 % interval of the mean; of nothing, of nan."""
    known = np.array([value for value in values if value == value])
    if not len(known):
        return float("nan"), float("nan")
    draws = np.random.default_rng(0).choice(known, (resamples, len(known)))
    low, high = np.percentile(draws.mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def agreement(one: Breakdown, other: Breakdown) -> float:
    """Return the adjusted Rand index of two breakdowns of one pool."""
    first, second = _groups(one), _groups(other)
    ids = one.pool.call_ids
    return float(adjusted_rand_score([first[c] for c in ids], [second[c] for c in ids]))


def _groups(breakdown: Breakdown) -> dict[str, str]:
    group = dict.fromkeys(breakdown.unassigned_call_ids, "unassigned")
    group |= dict.fromkeys(breakdown.not_read_call_ids, "not read")
    group |= {error.call_id: "judge wrong" for error in breakdown.suspected_judge_errors}
    group |= {finding.call_id: finding.kind for finding in breakdown.metric_findings}
    for index, cause in enumerate(breakdown.other_causes):
        group |= dict.fromkeys(cause.call_ids, f"other cause {index}")
    for index, mode in enumerate(breakdown.failure_modes):
        group |= dict.fromkeys(mode.call_ids, f"theme {index}")
    return group


def _evidence_at_cause(breakdown: Breakdown, planted: PlantedPool) -> float:
    """Return the part of the transcript quotes that lie within two turns of the planted cause."""
    near = Counter(
        abs(item.turn - planted.cause_turn[item.call_id]) <= 2
        for mode in breakdown.failure_modes
        for item in mode.evidence
        if item.turn is not None and item.call_id in planted.cause_turn
    )
    return near[True] / near.total() if near else float("nan")


def _verbatim(breakdown: Breakdown, planted: PlantedPool) -> float:
    """Return the part of the shown transcript quotes that stand in the cited turn, word by word."""
    quoted = [item for mode in breakdown.failure_modes for item in mode.evidence]
    shown: list[Evidence | SuspectedJudgeError | MetricFinding] = [
        *quoted,
        *breakdown.suspected_judge_errors,
        *breakdown.metric_findings,
    ]
    found = [
        item.quote in planted.transcripts[item.call_id][item.turn].content
        for item in shown
        if item.turn is not None
    ]
    return sum(found) / len(found) if found else float("nan")
