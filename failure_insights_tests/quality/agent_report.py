"""What the quality command measures of the agent: with readers in place of an LLM, or with one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from statistics import mean

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from failure_insights.domain.auditing import Auditor, Earlier
from failure_insights.domain.breakdown import Breakdown, Usage
from failure_insights.domain.identity import PriorTheme, settle_identity
from failure_insights_tests.quality.agents import (
    LATENCY_S,
    UNLIMITED,
    Observed,
    observed,
    sequential_depth,
)
from failure_insights_tests.quality.domains import Line
from failure_insights_tests.quality.hard import plant_hard
from failure_insights_tests.quality.hard_report import (
    READERS,
    fresh,
    show_calibration,
    show_hard_pools,
)
from failure_insights_tests.quality.planted import KINDS, Kind, PlantedPool, plant
from failure_insights_tests.quality.reader import NOISY, Reader
from failure_insights_tests.quality.report import (
    Measured,
    as_prior,
    measure,
    pools_of_kinds,
    prior_causes_of,
    show_continuity,
    show_scores,
)
from failure_insights_tests.quality.scoring import agreement

#: What issue and design promise of 100 calls of 3,000 tokens.
LONG_CALLS, LONG_TOKENS = 100, 3_000


def show_readers(
    console: Console, engine: Engine, seeds: Sequence[int], talk: Sequence[Sequence[Line]] = ()
) -> None:
    """Print the agent's scores with an oracle and with a noisy reader, its identity and cost.

    Args:
        talk: what the calls of hard pools are made long of.
    """
    for name, noise in READERS.items():
        with observed(Reader(noise), engine) as agent:
            pools = agent.told(pools_of_kinds(KINDS, sizes=(60,), causes=3, seeds=seeds))
            measured = measure(agent.auditor, pools)
            show_scores(console, f"Agent with {name}", measured, lambda m: m.planted.kind)
            show_continuity(
                console, agent.auditor, seeds[:1], (40,), names=("clinic", "bank"), told=agent.told
            )
            show_calibration(console, f"Labels of {name}", measured)
    show_reruns(console, engine)
    show_hard_pools(console, engine, seeds[:1], talk)
    show_costs(console, engine)


def show_reruns(console: Console, engine: Engine, reruns: int = 5) -> None:
    """Print how alike audits of a pool are where the reader errs on other calls each time."""
    table = Table(title="Noisy readers on the same pools, cache off", title_justify="left")
    for heading in ("kind", "pools", "rerun ARI", "same titles"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    kinds: tuple[Kind, ...] = ("lexical", "one symptom")
    for kind in kinds:
        pools = [plant(name, 40, 3, 7, kind=kind) for name in ("clinic", "shop")]
        found = [
            [m.breakdown for m in fresh(engine, replace(NOISY, seed=seed), pools)]
            for seed in range(reruns)
        ]
        pairs = [pair for one, other in pairwise(found) for pair in zip(one, other, strict=True)]
        alike = mean(agreement(one, other) for one, other in pairs)
        titles = mean(_titles(one) == _titles(other) for one, other in pairs)
        table.add_row(kind, str(len(pools)), f"{alike:.2f}", f"{titles:.2f}")
    console.print(table)


def _titles(breakdown: Breakdown) -> set[str]:
    return {mode.title for mode in breakdown.failure_modes}


@contextmanager
def traced(engine: Engine, *, is_curious: bool, thoroughness: str) -> Iterator[Observed]:
    """Give an agent of which `sequential_depth` can be told: it waits for nothing but answers."""
    reader = Reader(is_curious=is_curious, delay_s=LATENCY_S)
    settings = {"thoroughness": thoroughness, "llm_concurrency": UNLIMITED}
    with observed(reader, engine, **settings) as agent:
        # What the endpoint understands is found out once a day, before anything else.
        measure(agent.auditor, agent.told([plant("bank", 8, 2, 0)]))
        agent.server.sent.clear()
        yield agent


def show_costs(console: Console, engine: Engine) -> None:
    """Print what an audit of long calls costs: first, again, and with one new call."""
    title = f"Cost of {LONG_CALLS} calls of {LONG_TOKENS} tokens (four characters a token)"
    table = Table(title=title, title_justify="left")
    headings = ("thoroughness", "agent", "calls read", "requests", "tokens in", "tokens out")
    for heading in (*headings, "depth", "requests again", "requests with a new call"):
        table.add_column(heading, justify="left" if heading in headings[:2] else "right")
    for thoroughness in ("thorough", "economy"):
        for is_curious in (False, True):
            with traced(engine, is_curious=is_curious, thoroughness=thoroughness) as agent:
                table.add_row(
                    thoroughness,
                    "uses its tools" if is_curious else "submits at once",
                    *_costs(agent, plant("clinic", LONG_CALLS, 4, 1, num_tokens=LONG_TOKENS)),
                )
    console.print(table)


def _costs(agent: Observed, planted: PlantedPool) -> Iterator[str]:
    (first,) = measure(agent.auditor, agent.told([planted]))
    usage = first.breakdown.usage
    yield str(first.breakdown.num_calls_analyzed)
    yield str(usage.requests)
    yield f"{usage.input_tokens:,}"
    yield f"{usage.output_tokens:,}"
    yield str(sequential_depth(agent.server.sent))
    for pool in (planted, with_one_more(planted)):
        agent.server.sent.clear()
        measure(agent.auditor, [following(pool, first)], themes_of(first))
        stages = agent.sent_by_stage()
        yield ", ".join(f"{count} {stage}" for stage, count in stages.items()) or "0"


def following(planted: PlantedPool, before: Measured) -> PlantedPool:
    """Return the pool as an audit finds it that comes after another one."""
    sample = before.breakdown.provenance["sample"]
    day = before.planted.pool.window.date
    known = before.planted.earlier.causes
    settled = settle_identity(before.breakdown, (), "planted/metric", day, known)
    causes = prior_causes_of(settled, day)
    return replace(planted, earlier=Earlier(before.planted.pool.call_ids, sample, causes))


def themes_of(before: Measured) -> list[PriorTheme]:
    """Return the themes of an audit as one of the same day knows them."""
    day = before.planted.pool.window.date
    settled = settle_identity(before.breakdown, (), "planted/metric", day)
    return [as_prior(mode, day) for mode in settled.failure_modes]


def with_one_more(planted: PlantedPool) -> PlantedPool:
    """Return the pool with one more call, a twin of its newest; it comes first of all by ID."""
    twin = planted.pool.calls[-1]
    call_id = f"0-{twin.call_id}"
    pool = replace(planted.pool, calls=(*planted.pool.calls, replace(twin, call_id=call_id)))
    # One word differs, so that no kept answer is on this call.
    turns = planted.transcripts[twin.call_id]
    turns = (*turns[:-1], replace(turns[-1], content=f"{turns[-1].content} Bye."))
    return replace(
        planted,
        pool=pool,
        transcripts={**planted.transcripts, call_id: turns},
        truth={**planted.truth, call_id: planted.truth[twin.call_id]},
        cause_turn={**planted.cause_turn, call_id: planted.cause_turn[twin.call_id]},
    )


def show_endpoint(console: Console, auditor: Auditor, size: int = 40) -> None:
    """Print the agent's scores and cost with a real LLM: one pool of each kind."""
    pools = [
        plant("clinic", size, 4 if kind == "rare cause" else 3, 0, kind=kind) for kind in KINDS
    ]
    measured = measure(auditor, [*pools, plant_hard(0, size)])
    show_scores(console, "Agent with the endpoint", measured, lambda m: m.planted.kind)
    show_calibration(console, "Labels of the endpoint", measured)
    usage: list[Usage] = [m.breakdown.usage for m in measured]
    console.print(
        f"An audit of {size} short calls took {mean(u.requests for u in usage):.0f} requests, "
        f"{mean(u.input_tokens for u in usage):,.0f} tokens in and "
        f"{mean(u.output_tokens for u in usage):,.0f} out, "
        f"US$ {mean(m.breakdown.cost or 0.0 for m in measured):.3f}; "
        f"{mean(1 - m.scores.coverage for m in measured):.1%} of the calls in no cause."
    )
