"""What the quality command measures and prints."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from rich.console import Console
from rich.table import Table

from failure_insights.domain.auditing import Auditor
from failure_insights.domain.breakdown import Breakdown, FailureMode
from failure_insights.domain.identity import PriorCause, PriorTheme, settle_identity
from failure_insights_tests.quality.domains import NAMES, domain
from failure_insights_tests.quality.planted import END, KINDS, Kind, PlantedPool, plant
from failure_insights_tests.quality.scoring import Scores, interval, mean, score

SIZES = (10, 20, 40, 100, 300)
CAUSES = (1, 2, 3, 4, 5, 6)
COLUMNS = {
    "v_measure": "V",
    "ami": "AMI",
    "ari": "ARI",
    "theme_f1": "theme F1",
    "count_error": "count error",
    "coverage": "coverage",
    "judge_precision": "judge prec.",
    "judge_recall": "judge recall",
    "evidence_at_cause": "quotes at cause",
    "verbatim": "verbatim",
}
#: Scores whose bootstrap interval is shown beside their mean.
WITH_INTERVAL = ("v_measure", "theme_f1", "count_error")


@dataclass(frozen=True)
class Measured:
    """One pool, what an auditor made of it, and how good that is."""

    planted: PlantedPool
    breakdown: Breakdown
    scores: Scores


def lexical_pools(
    names: Sequence[str] = NAMES, sizes: Sequence[int] = SIZES, seeds: Iterable[int] = (0,)
) -> Iterator[PlantedPool]:
    """Yield pools of every size and number of causes, with at least three calls a cause."""
    for seed in seeds:
        for name in names:
            for size in sizes:
                for causes in CAUSES:
                    if size >= 3 * causes:
                        yield plant(name, size, causes, seed, judge_styles=1 + (seed + causes) % 3)


def measure(
    auditor: Auditor, pools: Iterable[PlantedPool], prior_themes: Sequence[PriorTheme] = ()
) -> list[Measured]:
    """Return the pools with what the auditor made of them."""

    async def audit_all() -> list[Measured]:
        found = []
        for planted in pools:
            breakdown = await auditor.audit(planted.pool, planted.reader, prior_themes, None)
            found.append(Measured(planted, breakdown, score(breakdown, planted)))
        return found

    return asyncio.run(audit_all())


def judge_precision(measured: Iterable[Measured]) -> float:
    """Return the part of all suspected judge errors that are such; of none, nan."""
    right = [
        error.call_id in item.planted.judge_wrong
        for item in measured
        for error in item.breakdown.suspected_judge_errors
    ]
    return sum(right) / len(right) if right else float("nan")


def k_within_one(measured: Sequence[Measured]) -> float:
    """Return the part of the pools whose number of themes is the number of causes, or one off."""
    return sum(abs(m.scores.k_error) <= 1 for m in measured) / len(measured)


def planted_days(
    name: str, seed: int, days: int = 7, size: int = 40, *, with_twin: bool = False
) -> Iterator[PlantedPool]:
    """Yield a pool a day with three causes; on the fourth and the sixth one goes and one comes.

    With a twin, the cause that comes first is told in nearly the words of the one that goes.
    """
    keys = [cause.key for cause in domain(name).causes]
    Random(f"{name}/{seed}").shuffle(keys)
    if with_twin:
        keys.remove(domain(name).twin_of)
        keys[2:] = [domain(name).twin_of, *keys[2:], domain(name).twin.key]
    current, spare = keys[:3], keys[3:]
    for day in range(days):
        if day in (3, 5):
            current = [*current[:-1], spare.pop()]
        yield plant(
            name,
            size,
            3,
            1000 * seed + day,
            causes=current,
            end=END + timedelta(days=day),
            prefix=f"day{day}-",
        )


@dataclass
class Continuity:
    """How themes kept their identity over days: counts of themes of one main cause."""

    kept: int = 0
    false_new: int = 0
    false_merge: int = 0
    new: int = 0
    #: The same of causes, the finer level; none where the auditor knows one level only.
    causes: "Continuity | None" = None

    @property
    def recurring(self) -> int:
        return self.kept + self.false_new + self.false_merge


def continuity(auditor: Auditor, days: Iterable[PlantedPool], into: Continuity) -> None:
    """Audit the days one after the other and count right and wrong identities."""
    asyncio.run(_continuity(auditor, days, into))


async def _continuity(auditor: Auditor, days: Iterable[PlantedPool], into: Continuity) -> None:
    prior: dict[str, PriorTheme] = {}
    prior_causes: dict[str, PriorCause] = {}
    cause_of: dict[str, str] = {}
    for planted in days:
        day = planted.pool.window.date
        themes = list(prior.values())
        known_causes = tuple(prior_causes.values())
        earlier = replace(planted.earlier, causes=known_causes)
        reader = replace(planted, earlier=earlier).reader
        found = await auditor.audit(planted.pool, reader, themes, None)
        settled = settle_identity(found, themes, "planted/metric", day, known_causes)
        for item in prior_causes_of(settled, day):
            first = prior_causes.get(item.cause_id, item).first_seen
            if into.causes is not None:
                _count(into.causes, item.cause_id, item.call_ids, first < day, planted, cause_of)
            prior_causes[item.cause_id] = replace(item, first_seen=first)
        for mode in settled.failure_modes:
            is_known = mode.status == "recurring"
            _count(into, mode.theme_id, mode.call_ids, is_known, planted, cause_of)
            known = prior.get(mode.theme_id)
            prior[mode.theme_id] = as_prior(mode, known.first_seen if known else day)


def _count(
    into: Continuity,
    key: str,
    call_ids: Iterable[str],
    is_recurring: bool,
    planted: PlantedPool,
    cause_of: dict[str, str],
) -> None:
    """Count whether a theme or a cause has the identity that its main planted cause had before."""
    causes = [planted.truth[call_id] for call_id in call_ids]
    cause = max(sorted(set(causes)), key=causes.count)
    same_level = {k: known for k, known in cause_of.items() if k[:3] == key[:3]}
    if is_recurring:
        into.kept += same_level[key] == cause
        into.false_merge += same_level[key] != cause
    else:
        into.false_new += cause in same_level.values()
        into.new += cause not in same_level.values()
        cause_of[key] = cause


def as_prior(mode: FailureMode, first_seen: date) -> PriorTheme:
    """Return a settled theme as later audits know it."""
    return PriorTheme(
        mode.theme_id,
        mode.title,
        mode.description,
        mode.criterion,
        mode.origin,
        mode.terms,
        first_seen=first_seen,
        call_ids=frozenset(mode.call_ids),
    )


def prior_causes_of(settled: Breakdown, first_seen: date) -> list[PriorCause]:
    """Return the causes of a settled breakdown as later audits know them."""
    placed = [(mode.theme_id, cause) for mode in settled.failure_modes for cause in mode.causes]
    placed += [("", cause) for cause in settled.other_causes]
    return [
        PriorCause(
            cause.cause_id,
            cause.title,
            cause.criterion,
            cause.terms,
            first_seen,
            theme_id,
            frozenset(cause.call_ids),
        )
        for theme_id, cause in placed
    ]


def show_scores(
    console: Console,
    title: str,
    measured: Sequence[Measured],
    key: Callable[[Measured], str],
) -> None:
    """Print a row of mean scores for each group of pools, and one for all."""
    groups: dict[str, list[Measured]] = defaultdict(list)
    for item in measured:
        groups[key(item)].append(item)
    table = Table(title=title, title_justify="left")
    for heading in ("pools", "n", *COLUMNS.values(), "k exact", "k ±1"):
        table.add_column(heading, justify="left" if heading == "pools" else "right")
    rows = [*groups.items()]
    if len(rows) > 1:
        rows.append(("all", list(measured)))
    for label, items in rows:
        exact = sum(item.scores.k_error == 0 for item in items) / len(items)
        table.add_row(
            label,
            str(len(items)),
            *_cells(items),
            f"{exact:.2f}",
            f"{k_within_one(items):.2f}",
        )
    console.print(table)


def _cells(items: Sequence[Measured]) -> Iterator[str]:
    means = mean([item.scores for item in items])
    for name in COLUMNS:
        # A pool without a judge's error has no precision to average.
        value = judge_precision(items) if name == "judge_precision" else getattr(means, name)
        text = "-" if value != value else f"{value:.2f}"
        if name in WITH_INTERVAL:
            low, high = interval([getattr(item.scores, name) for item in items])
            text += f" ({low:.2f}-{high:.2f})"
        yield text


def pools_of_kinds(
    kinds: Sequence[Kind],
    sizes: Sequence[int] = (40, 100),
    causes: int = 2,
    seeds: Iterable[int] = (0,),
) -> Iterator[PlantedPool]:
    """Yield a pool of each kind, domain, size and seed; those of a rare cause have four causes."""
    for seed in seeds:
        for kind in kinds:
            for name in NAMES:
                for size in sizes:
                    yield plant(name, size, 4 if kind == "rare cause" else causes, seed, kind=kind)


def show_kinds(console: Console, auditor: Auditor, seeds: Sequence[int]) -> None:
    """Print scores on the sets that tell root causes from wording."""
    title = "Discriminating sets: wording alone is expected to fail on most of them"
    measured = measure(auditor, pools_of_kinds(KINDS[1:], seeds=seeds))
    show_scores(console, title, measured, lambda m: m.planted.kind)


def show_continuity(
    console: Console,
    auditor: Auditor,
    seeds: Sequence[int],
    sizes: Sequence[int] = (15, 40, 100),
    *,
    names: Sequence[str] = NAMES,
    told: Callable[[Iterable[PlantedPool]], Iterable[PlantedPool]] = iter,
) -> None:
    """Print how often a theme that recurs over seven days keeps its id.

    Args:
        told: what the days pass through on their way to the auditor.
    """
    table = Table(title="Identity over seven days, three causes a day", title_justify="left")
    headings = ("calls a day", "kept", "false new", "false merge", "new", "kept rate")
    for heading in (*headings, "causes kept rate"):
        table.add_column(heading, justify="right")
    rows = [(size, False) for size in sizes] + [(40, True)]
    for size, with_twin in rows:
        counts = Continuity(causes=Continuity())
        for name in names:
            for seed in seeds:
                days = planted_days(name, seed, size=size, with_twin=with_twin)
                continuity(auditor, told(days), counts)
        table.add_row(
            f"{size}, one told like the other" if with_twin else str(size),
            str(counts.kept),
            str(counts.false_new),
            str(counts.false_merge),
            str(counts.new),
            f"{counts.kept / counts.recurring:.2f}",
            f"{fine.kept / fine.recurring:.2f}"
            if (fine := counts.causes) and fine.recurring
            else "",
        )
    console.print(table)


def _kept_rate(counts: Continuity | None) -> str:
    return f"{counts.kept / counts.recurring:.2f}" if counts and counts.recurring else ""


def show_speed(console: Console, auditor: Auditor) -> None:
    """Print the seconds of one audit by pool size."""
    table = Table(title="Speed of one audit", title_justify="left")
    for heading in ("calls", "CPU s", "wall s"):
        table.add_column(heading, justify="right")
    for size in (10, 100, 500, 1000, 5000):
        planted = plant("clinic", size, 5, 1, judge_styles=3)
        cpu, wall = time.process_time(), time.perf_counter()
        measure(auditor, [planted])
        table.add_row(
            str(size), f"{time.process_time() - cpu:.2f}", f"{time.perf_counter() - wall:.2f}"
        )
    console.print(table)


def show_themes(console: Console, auditor: Auditor) -> None:
    """Print what the themes of a few pools read like."""
    for name in NAMES:
        (item,) = measure(auditor, [plant(name, 60, 4, 3)])
        table = Table(title=f"Themes of {name}, 60 calls", title_justify="left")
        for heading in ("calls", "title", "mostly"):
            table.add_column(heading)
        for mode in item.breakdown.failure_modes:
            causes = [item.planted.truth[call_id] for call_id in mode.call_ids]
            main = max(sorted(set(causes)), key=causes.count)
            table.add_row(
                str(mode.count), mode.title, f"{main} {causes.count(main) / mode.count:.0%}"
            )
        console.print(table)
