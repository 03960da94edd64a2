"""Writes the breakdown: every call in one group, what was and was not done, what it cost."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from failure_insights.audit import prompts
from failure_insights.audit.agent.options import ALGORITHM, STAGES
from failure_insights.audit.agent.pipeline import Findings
from failure_insights.audit.agent.session import AuditSession
from failure_insights.domain.breakdown import Breakdown, Usage
from failure_insights.llm import total_cost

#: Part of the calls that were read from which on the metric is what to look at first.
MANY_JUDGE_ERRORS = 0.2
#: Part of the pool from which on calls that were not read are told of.
MANY_UNCLEAR = 0.1


def tell(session: AuditSession, found: Findings) -> Breakdown:
    """Return the breakdown: every call of the pool in one group."""
    groups, doubts = found.groups, found.doubts
    return Breakdown(
        pool=session.pool,
        failure_modes=groups.modes,
        auditor="agent",
        other_causes=groups.other_causes,
        unassigned_call_ids=groups.unassigned,
        not_read_call_ids=groups.not_read,
        suspected_judge_errors=tuple(doubts.judge_errors[h] for h in sorted(doubts.judge_errors)),
        metric_findings=tuple(doubts.metric_findings[h] for h in sorted(doubts.metric_findings)),
        num_calls_analyzed=len(session.notes),
        degraded=_is_degraded(session, found),
        model=session.options.model,
        usage=usage_of(session),
        cost=cost_of_audit(session),
        message=" ".join(_sentences(session, found)),
        provenance=provenance_of(session)
        | {"labels": dict(_labels_by(found)), "confidence": confidence_of(session, found)},
    )


def confidence_of(session: AuditSession, found: Findings) -> dict[str, list[str]]:
    """Return the calls that were put under a cause, by what they were put there on.

    `agent`: the agent, which read a reader's note; `note` and `explanation`: a reader of one of
    these; `second_reader`: of the transcript; `learned` and `nearest`: no reader. Where the reader
    said so, `, low` stands behind it. The quality command prints how often each is right.
    """
    bases: dict[str, list[str]] = {}
    for handle, label in found.labels.items():
        if label.cause is None:
            continue
        basis = (
            ("note" if handle in session.notes else "explanation")
            if label.by == "llm"
            else label.by
        )
        call_id = session.cases[session.index[handle]].call_id
        bases.setdefault(basis if label.sure else f"{basis}, low", []).append(call_id)
    return {basis: sorted(bases[basis]) for basis in sorted(bases)}


def usage_of(session: AuditSession) -> Usage:
    """Return what the audit cost; `cached` are answers that an earlier audit had paid for."""
    spent = session.spending
    return Usage(spent.requests, spent.input_tokens, spent.output_tokens, session.recalled)


def cost_of_audit(session: AuditSession) -> float | None:
    """Return what the audit cost in US dollars; None: a model's price is not known."""
    return total_cost(session.spending.tokens_by_model, session.options.prices)


def provenance_of(session: AuditSession) -> dict[str, Any]:
    """Return what a replay needs, and what tells one way of auditing from another."""
    options = session.options
    return {
        "algorithm": ALGORITHM,
        "prompts": {
            stage: {"version": prompts.load(stage).version, "sha": prompts.load(stage).sha}
            for stage in STAGES
        },
        "endpoint": session.endpoint.address,
        "models": {stage: options.model_of(stage) for stage in STAGES},
        "models_returned": sorted(session.spending.models),
        "parameters": {
            stage: {"effort": limits.effort, "max_tokens": limits.max_tokens}
            for stage, limits in STAGES.items()
        },
        "thoroughness": "economy" if options.economy else "thorough",
        "language": options.language,
        "sample": sorted(case.call_id for case in session.sample),
        "suspicious": sorted(case.call_id for case in session.cases if session.is_flagged(case)),
        "lost": dict(sorted(session.lost.items())),
        "depth": session.depth,
        "budget_spent": session.is_spent,
    }


def _labels_by(found: Findings) -> Counter[str]:
    return Counter(label.by for label in found.labels.values())


def _is_degraded(session: AuditSession, found: Findings) -> bool:
    """Whether something stands in for what the LLM should have said."""
    return (
        session.is_spent
        or _labels_by(found)["nearest"] > 0
        or session.lost["note"] > len(session.notes)
    )


def _sentences(session: AuditSession, found: Findings) -> Iterator[str]:
    suspected, read = len(found.doubts.judge_errors), len(session.notes)
    if suspected > MANY_JUDGE_ERRORS * read:
        yield (
            f"{suspected} of {read} calls that were read look like passes: the metric's "
            "prompt or pass rule may need a look before the agent does."
        )
    if session.is_spent:
        yield "The audit's budget of tokens or time was spent; it was finished as it stood."
    if lost := session.lost["note"]:
        yield f"{_calls(lost)} could not be read: the endpoint gave no usable answer."
    by = _labels_by(found)
    if nearest := by["nearest"]:
        yield f"Put with the most similar theme, without the LLM: {_calls(nearest)}."
    if learned := by["learned"]:
        yield (
            f"Counts are estimates: a classifier sorted {_calls(learned)} as it learned from the "
            "LLM's labels of the others."
        )
    doubtful = [
        h for h, label in found.labels.items() if label.cause is not None and not label.sure
    ]
    read_doubtful = [handle for handle in doubtful if handle in session.notes]
    if len(read_doubtful) > MANY_UNCLEAR * len(session.cases):
        yield f"Put under a cause with low confidence: {_calls(len(read_doubtful))}."
    if findings := len(found.doubts.metric_findings):
        yield f"About the metric, not the agent: {_calls(findings)}."
    not_read = len(found.groups.not_read)
    if not_read > MANY_UNCLEAR * len(session.cases):
        yield (
            "Not read, and their explanations do not say plainly why they failed: "
            f"{_calls(not_read)}."
        )
    if flagged := sum(session.is_flagged(case) for case in session.cases):
        yield (
            f"Text that speaks to whoever audits was found in {_calls(flagged)}; it was not "
            "followed, and shaped no theme."
        )


def _calls(count: int) -> str:
    return f"{count:,} {'call' if count == 1 else 'calls'}"
