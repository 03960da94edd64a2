"""Labels the whole pool, however large: asks the LLM, learns from its labels, or takes the nearest.

Up to `ASKED_ALL` calls the LLM labels each. Of more it labels some hundred; a classifier learns
from those and labels what it is sure of, by its own record on the calls that the LLM labelled; the
rest is the LLM's again. On public short texts 40 labels gave 0.95 on the surest 80 %; explanations
are harder, so the cut is calibrated on each pool.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_insights.audit.agent.assign import Label, assign, nearest
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.sampling import evenly
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import FoundCause

#: Calls of a pool up to which the LLM labels each.
ASKED_ALL = 1_000
#: Calls of a larger pool that the LLM labels first, for the classifier to learn from.
TAUGHT = 400
#: A learned label has to agree with the LLM's at least this often, by cross-validation. Labels of
#: an LLM that errs on 3 % of the calls agree with the truth, and so with a rule, no more often.
AGREEMENT = 0.95
#: Labels of each kind that a classifier needs to learn from.
LEAST_OF_KIND = 5
#: Folds of the cross-validation.
FOLDS = 5
#: Kinds of labels that name no cause; causes are kinds from 0 on.
OTHER_KIND = -1
UNCLEAR_KIND = -2


async def label_all(
    session: AuditSession,
    causes: Sequence[FoundCause],
    cases: Sequence[Case],
    seed: str,
    known: Mapping[str, Label],
) -> dict[str, Label]:
    """Return the label of every case by handle; `known` are labels of other calls."""
    if not cases or not causes:
        return {case.handle: Label(None, False, unclear=True) for case in cases}
    if len(cases) <= ASKED_ALL:
        labels = await assign(session, causes, cases)
    else:
        labels = await _taught(session, causes, cases, seed)
    session.depth += 1
    missing = [case for case in cases if case.handle not in labels]
    return labels | nearest(session, {**known, **labels}, missing)


async def _taught(
    session: AuditSession, causes: Sequence[FoundCause], cases: Sequence[Case], seed: str
) -> dict[str, Label]:
    """Return labels of which the LLM gave some, and the classifier those that it is sure of."""
    read = [case for case in cases if case.handle in session.notes]
    unread = [case for case in cases if case.handle not in session.notes]
    indices = [session.index[case.handle] for case in unread]
    chosen = set(evenly(indices, min(len(unread), TAUGHT - len(read)), session.cases, seed))
    first = [*read, *(case for case in unread if session.index[case.handle] in chosen)]
    labels = await assign(session, causes, first)
    session.depth += 1
    rest = [case for case in unread if case.handle not in labels]
    # Notes may say what no explanation does: labels by explanations alone are what is learned.
    taught = {c.handle: labels[c.handle] for c in unread if c.handle in labels}
    learned = await asyncio.to_thread(learn, session, taught, rest)
    return (
        labels
        | learned
        | await assign(session, causes, [c for c in rest if c.handle not in learned])
    )


def learn(
    session: AuditSession, labels: Mapping[str, Label], rest: Sequence[Case]
) -> dict[str, Label]:
    """Return labels for those of the rest that a classifier is sure of; none if it cannot be."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    known = list(labels)
    kinds = np.array([_kind(labels[handle]) for handle in known])
    counts = dict(zip(*np.unique(kinds, return_counts=True), strict=True))
    frequent = {kind for kind, count in counts.items() if count >= LEAST_OF_KIND}
    kept = [i for i, kind in enumerate(kinds) if kind in frequent]
    if not frequent or not rest:
        return {}
    if len(frequent) == 1:  # such as "unclear", where explanations only repeat the rubric
        (kind,) = frequent
        is_sure = counts[kind] >= AGREEMENT * len(known)
        return {case.handle: _learned(kind) for case in rest} if is_sure else {}
    rows, others = _in_span(
        session.vectors.rows[[session.index[known[i]] for i in kept]],
        session.vectors.rows[[session.index[case.handle] for case in rest]],
    )
    model = LogisticRegression(C=10.0, max_iter=500)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    held_out = cross_val_predict(model, rows, kinds[kept], cv=folds, method="predict_proba")
    order = np.array(sorted(frequent))
    cut = _cut(held_out.max(axis=1), order[held_out.argmax(axis=1)] == kinds[kept])
    if cut is None:
        return {}
    model.fit(rows, kinds[kept])
    sure = model.predict_proba(others)
    return {
        case.handle: _learned(kind)
        for case, kind, confidence in zip(
            rest, order[sure.argmax(axis=1)], sure.max(axis=1), strict=True
        )
        if confidence >= cut
    }


def _in_span(taught: Any, others: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as coordinates in the span of what is taught.

    A linear model lies in that span: some hundred dimensions say the same as tens of thousands, and
    fitting takes milliseconds instead of seconds.
    """
    values, directions = np.linalg.eigh((taught @ taught.T).toarray())
    is_kept = values > 1e-9
    basis = directions[:, is_kept] / np.sqrt(values[is_kept])
    return (taught @ taught.T) @ basis, (others @ taught.T) @ basis


def _kind(label: Label) -> int:
    """Return the cause, or one of two numbers for having none."""
    if label.cause is not None:
        return label.cause
    return UNCLEAR_KIND if label.unclear else OTHER_KIND


def _learned(kind: int) -> Label:
    cause = None if kind in (OTHER_KIND, UNCLEAR_KIND) else int(kind)
    return Label(cause, True, "learned", unclear=kind == UNCLEAR_KIND)


def _cut(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> Any:
    """Return the lowest confidence from which on labels agreed often enough, or None."""
    order = np.argsort(-confidence, kind="stable")
    agreement = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(agreement >= AGREEMENT)
    return confidence[order[good[-1]]] if len(good) else None
