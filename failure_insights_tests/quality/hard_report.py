"""What is measured on hard pools, beside what two readers agree on; what confidence is worth."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import mean

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from failure_insights.audit import prompts
from failure_insights.audit.agent.cases import read
from failure_insights.audit.agent.options import Options
from failure_insights.llm.budget import Tokens
from failure_insights.llm.prices import cost_of, shipped_prices
from failure_insights_tests.quality.agents import observed
from failure_insights_tests.quality.domains import Line
from failure_insights_tests.quality.hard import TOKENS, findings_right, plant_hard
from failure_insights_tests.quality.planted import PlantedPool
from failure_insights_tests.quality.reader import NOISY, ORACLE, Noise, Reader
from failure_insights_tests.quality.report import Measured, measure
from failure_insights_tests.quality.scoring import (
    agreement,
    calibration,
    causes_of,
    v_of_causes,
    v_of_labels,
)

READERS = {"an oracle": ORACLE, "a noisy reader": NOISY}
#: The model whose price the tables show.
PRICED_MODEL = "gpt-5-mini"
#: Seeds of the readers that label a pool without an audit; audits have others.
READER_SEEDS = (100, 101)
#: Pools: name, calls, tokens of each.
HARD_POOLS = (("60 calls", 60, TOKENS), ("30 calls, 3 times as long", 30, 3 * TOKENS))
COLUMNS = (
    "V of themes",
    "V of causes",
    "audit and a reader",
    "two readers",
    "in no cause",
    "findings",
    "tokens in",
    f"US$ ({PRICED_MODEL})",
    "ARI of two runs",
)


def fresh(engine: Engine, noise: Noise, pools: Sequence[PlantedPool]) -> list[Measured]:
    """Return the pools as audited with a reader whose answers are not kept from before."""
    with observed(Reader(noise), engine) as agent:
        agent.forget()
        return measure(agent.auditor, agent.told(pools))


def show_hard_pools(
    console: Console, engine: Engine, seeds: Sequence[int], talk: Sequence[Sequence[Line]] = ()
) -> None:
    """Print how the agent does on hard pools.

    `audit and a reader` and `two readers` are V-measures of causes: no audit can be expected to
    agree with a reader better than two readers do. `findings` are those about the metric: right,
    made, planted.

    Args:
        talk: pieces of real calls that the planted ones are made long of.
    """
    title = f"Hard pools: calls of {TOKENS} tokens, 12 causes, a fifth of the calls with two faults"
    table = Table(title=title, title_justify="left")
    for heading in ("reader", "pool", *COLUMNS):
        table.add_column(heading, justify="left" if heading in ("reader", "pool") else "right")
    for name, noise in READERS.items():
        measured: list[Measured] = []
        for pool, size, tokens in HARD_POOLS:
            pools = [plant_hard(seed, size, talk, tokens) for seed in seeds]
            runs = [fresh(engine, replace(noise, seed=seed), pools) for seed in (0, 1)]
            measured += runs[0]
            table.add_row(name, pool, *_cells(noise, runs))
        show_calibration(console, f"Labels of {name} on hard pools", measured)
    console.print(table)


def _cells(noise: Noise, runs: Sequence[Sequence[Measured]]) -> list[str]:
    measured = [item for run in runs for item in run]
    usage = [item.breakdown.usage for item in measured]
    costs = [
        cost_of(Tokens(u.input_tokens, u.output_tokens), PRICED_MODEL, shipped_prices())
        for u in usage
    ]
    with_readers, of_readers = [], []
    for item in runs[0]:
        readers = [labels_of(replace(noise, seed=seed), item.planted) for seed in READER_SEEDS]
        of_readers += [v_of_labels(*pair) for pair in combinations(readers, 2)]
        with_readers += [v_of_labels(causes_of(item.breakdown), labels) for labels in readers]
    right, made, planted = map(
        sum, zip(*(findings_right(m.breakdown, m.planted) for m in runs[0]), strict=True)
    )
    alike = [agreement(a.breakdown, b.breakdown) for a, b in zip(*runs, strict=True)]
    return [
        f"{mean(item.scores.v_measure for item in measured):.2f}",
        f"{mean(v_of_causes(item.breakdown, item.planted.truth) for item in measured):.2f}",
        f"{mean(with_readers):.2f}",
        f"{mean(of_readers):.2f}",
        f"{mean(1 - item.scores.coverage for item in measured):.1%}",
        f"{right}/{made}/{planted}",
        f"{mean(u.input_tokens for u in usage):,.0f}",
        f"{mean(cost or 0.0 for cost in costs):.3f}",
        f"{mean(alike):.2f}",
    ]


def labels_of(noise: Noise, planted: PlantedPool) -> dict[str, str]:
    """Return the cause of each call as one reader sees it that reads all of them, whole."""
    reader = Reader(noise, planted.causes)
    window = Options("", "").windows[0]
    labels = {}
    for call in planted.pool.calls:
        reading = read(planted.transcripts[call.call_id], call.explanation, window)
        _, data = prompts.load("note").fill(
            metric=planted.pool.metric.prompt,
            language="",
            about="",
            facts="",
            explanation=call.explanation,
            transcript=reading.text,
        )
        labels[call.call_id] = reader.label(data)
    return labels


def show_calibration(console: Console, title: str, measured: Iterable[Measured]) -> None:
    """Print how often calls are where they belong, by what they were put there on."""
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    for item in measured:
        for basis, count in calibration(item.breakdown, item.planted.truth).items():
            counts[basis] += count
    show_counts(console, title, counts)


def show_counts(console: Console, title: str, counts: Mapping[str, Counter[bool]]) -> None:
    """Print a row for each basis of labels; calls that are shown nowhere by it have none."""
    table = Table(title=title, title_justify="left")
    for heading in ("put there by", "calls", "right"):
        table.add_column(heading, justify="left" if heading == "put there by" else "right")
    for basis, count in sorted(counts.items()):
        if count.total():
            table.add_row(basis, str(count.total()), f"{count[True] / count.total():.1%}")
    console.print(table)
