"""The auditor that needs no LLM: groups failing calls by the wording of the judge."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_insights.audit.explanations import clustering
from failure_insights.audit.explanations.comparison import Comparison, compare
from failure_insights.audit.explanations.text import Explanation, read
from failure_insights.audit.wording import evidence, titles
from failure_insights.domain.auditing import CallReader
from failure_insights.domain.breakdown import (
    MAX_THEMES,
    AuditorName,
    Breakdown,
    Evidence,
    FailureMode,
)
from failure_insights.domain.identity import PriorTheme
from failure_insights.domain.pools import Pool
from failure_insights.text.quotes import cut_quote

ALGORITHM = "wording@1"
#: Passing calls whose explanations show what the judge says of any call.
PASSING_CALLS = 300
#: Transcripts that are read, unless the audit says; only lines that a judge quotes are looked up.
TRANSCRIPTS = 40
#: Words of a group that it is recognised by on other days.
TERMS = 30

LIMITS = (
    "Grouped by wording: calls whose judges used similar words are together. Without an LLM, "
    "causes that are described alike stay together, one cause described in different ways is "
    "split, and a judge that was wrong is not noticed."
)
MESSAGE = f"{LIMITS} Set OPENAI_API_KEY for root causes."
NO_EXPLANATION = "Judge gave no explanation"
NO_USABLE_EXPLANATION = "Judge gave no usable explanation"


@dataclass(frozen=True)
class _Group:
    """Calls of one group, the most typical first, and its words with their weights."""

    members: Sequence[int]
    terms: Mapping[str, float]


@dataclass(frozen=True)
class _Name:
    """What a group is called: its title, a typical sentence, its most telling words.

    `terms` are the group's, without those that may be a customer's name.
    """

    title: str
    sentence: str
    words: tuple[str, ...]
    terms: Mapping[str, float]


class WordingAuditor:
    """Groups a pool by the words of its explanations. The same pool gives the same breakdown."""

    name: AuditorName = "wording"

    async def audit(
        self,
        pool: Pool,
        calls: CallReader,
        prior_themes: Sequence[PriorTheme],  # noqa: ARG002 - identity recognises them by words
        max_calls: int | None,
    ) -> Breakdown:
        """Return the breakdown of the pool; see `Auditor.audit`."""
        return await asyncio.to_thread(break_down, pool, calls, max_calls)

    def paused(self, reason: str) -> "WordingAuditor":  # noqa: ARG002 - it asks no LLM
        """Return itself; see `Auditor.paused`."""
        return self


def break_down(pool: Pool, calls: CallReader, max_calls: int | None = None) -> Breakdown:
    """Return the breakdown of the pool by wording; blocks while it computes.

    Args:
        max_calls: transcripts to read at most; None for TRANSCRIPTS.
    """
    explanations = [
        read(call.call_id, call.explanation)
        for call in sorted(pool.calls, key=lambda call: call.call_id)
    ]
    spoken = [item for item in explanations if not item.is_empty]
    silent = [item for item in explanations if item.is_empty]
    provenance: dict[str, Any] = {"algorithm": ALGORITHM, "seed": _seed(pool)}
    modes: list[FailureMode] = []
    loose: list[str] = []
    num_read = 0
    if spoken:
        passing = [read(call.call_id, call.explanation) for call in calls.passing(PASSING_CALLS)]
        modes, loose, num_read = _modes(
            spoken, passing, pool, calls, max_calls or TRANSCRIPTS, bool(silent), provenance
        )
    if silent:
        modes.append(_silent_mode(silent))
    order = {call_id: index for index, call_id in enumerate(pool.call_ids)}
    return Breakdown(
        pool=pool,
        failure_modes=tuple(sorted(modes, key=lambda mode: (-mode.count, mode.title))),
        auditor="wording",
        unassigned_call_ids=tuple(sorted(loose, key=order.__getitem__)),
        num_calls_analyzed=num_read,
        message=MESSAGE,
        provenance=provenance,
    )


def _modes(
    spoken: Sequence[Explanation],
    passing: Sequence[Explanation],
    pool: Pool,
    calls: CallReader,
    max_calls: int,
    one_is_taken: bool,
    provenance: dict[str, Any],
) -> tuple[list[FailureMode], list[str], int]:
    """Return themes of the calls with an explanation, calls left over, transcripts read."""
    comparison = compare(spoken, passing, pool.metric)
    most = MAX_THEMES - one_is_taken
    labels, alike = clustering.group(comparison.rows, provenance["seed"], most)
    provenance |= {"alike": alike, "passing_calls": len(passing)}
    groups = _groups(labels, comparison)
    transcripts = _read_transcripts(groups, spoken, calls, max_calls)
    names = _name(groups, comparison)
    modes = [
        _mode(group, name, spoken, transcripts) for group, name in zip(groups, names, strict=True)
    ]
    loose = [spoken[int(i)].call_id for i in np.flatnonzero(labels == clustering.LEFTOVER)]
    return modes, loose, len(transcripts)


def _seed(pool: Pool) -> int:
    key = f"{ALGORITHM}\0{pool.project}\0{pool.metric.name}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def _groups(labels: NDArray[np.int64], comparison: Comparison) -> list[_Group]:
    """Return the groups, largest first, each with its calls from the most typical on."""
    groups = []
    for label in range(labels.max() + 1):
        typical = comparison.nearest_first([int(i) for i in np.flatnonzero(labels == label)])
        weights = comparison.mean_words(typical)
        top = sorted(weights, key=lambda word: (-weights[word], word))[:TERMS]
        groups.append(_Group(typical, {word: round(weights[word], 6) for word in top}))
    return sorted(groups, key=lambda group: (-len(group.members), group.members))


def _read_transcripts(
    groups: Sequence[_Group], spoken: Sequence[Explanation], calls: CallReader, max_calls: int
) -> dict[str, Any]:
    """Return transcripts of calls whose judge quotes something, an equal part for each group."""
    wanted: list[str] = []
    for group in groups:
        quoting = [
            spoken[i].call_id
            for i in group.members
            if next(evidence.quotations(spoken[i].original), None)
        ]
        wanted += quoting[: max(1, max_calls // len(groups))]
    wanted = wanted[:max_calls]
    return dict(calls.transcripts(wanted)) if wanted else {}


def _name(groups: Sequence[_Group], comparison: Comparison) -> list[_Name]:
    """Return what each group is called; titles are distinct."""
    spoken, marks = comparison.explanations, comparison.marks
    german = titles.capitalises_nouns(spoken)
    content = [titles.content_words(item, mark) for item, mark in zip(spoken, marks, strict=True)]
    passed = [
        titles.content_words(item, [not word.is_private for word in item.words])
        for item in comparison.passing
    ]
    named: list[_Name] = []
    for group in groups:
        inside = set(group.members)
        others = [words for i, words in enumerate(content) if i not in inside] + passed
        members = [spoken[i] for i in group.members]
        calls = titles.NOUN_CALLS if german else titles.NAME_CALLS
        vocabulary = titles.vocabulary(
            members,
            [marks[i] for i in group.members],
            others,
            comparison.maybe_names,
            max(calls, titles.NAME_SHARE * len(members)),
        )
        taken = [name.title for name in named]
        title = titles.title_of(members, vocabulary, taken)
        sentence = titles.typical_sentence(members, vocabulary, title)
        terms = {w: weight for w, weight in group.terms.items() if w not in vocabulary.unsafe}
        named.append(_Name(title, sentence, tuple(vocabulary.top(5)), terms))
    return named


def _mode(
    group: _Group, name: _Name, spoken: Sequence[Explanation], transcripts: Mapping[str, Any]
) -> FailureMode:
    typical = [spoken[i].call_id for i in group.members]
    originals = {spoken[i].call_id: spoken[i].original for i in group.members}
    words = ", ".join(name.words)
    shared = f"Words that set these calls apart: {words}." if words else ""
    return FailureMode(
        title=name.title,
        description=f"{name.sentence} {shared}".strip(),
        call_ids=tuple(sorted(typical)),
        evidence=evidence.evidence_of(typical, originals, transcripts, group.terms),
        criterion=f"The judge's explanation speaks of: {words}." if words else "",
        terms=name.terms,
    )


def _silent_mode(silent: Sequence[Explanation]) -> FailureMode:
    given = [item for item in silent if item.original.strip()]
    title = NO_USABLE_EXPLANATION if given else NO_EXPLANATION
    return FailureMode(
        title=title,
        description="The metric failed, and the judge wrote nothing that says why. "
        "Let the metric's prompt ask for a reason.",
        call_ids=tuple(item.call_id for item in silent),
        evidence=tuple(
            Evidence(item.call_id, None, cut_quote(item.original.strip()))
            for item in given[: evidence.QUOTES]
        ),
        criterion="The judge's explanation is empty or holds no word.",
        terms={NO_EXPLANATION.casefold(): 1.0},
    )
