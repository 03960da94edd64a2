"""Estimate what audits by the agent will cost, before they are asked for.

The best guide is what the metric's last audits cost for each failing call. A metric without such
audits is estimated by the length of its calls and by the tokens that each stage was measured to
take of planted calls (40 of 200 to 1,700 tokens).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from failure_insights.audit.agent.options import Options, options_of
from failure_insights.domain.spending import Estimate, from_past
from failure_insights.llm.budget import Tokens
from failure_insights.llm.prices import total_cost
from failure_insights.settings import Settings
from failure_insights.store.pools import PoolRequest, count_pools
from failure_insights.store.spending import call_lengths, past_costs

#: Characters of a transcript's JSON that make a token of what a reader is shown of it.
CHARACTERS_A_TOKEN = 5.5
#: Tokens in of a note's request beside the call itself: the task, the metric, the facts.
NOTE_PROMPT = 1_200
#: Tokens that a note takes in the agent's prompt, and a call without one in a batch of labels.
NOTE_LENGTH = 60
#: Tokens in of the agent's task with its tools, and of one check of a theme.
AGENT_PROMPT = 1_500
CHECK_PROMPT = 1_600
#: Turns of the agent, and checked themes: from an easy pool to a hard one.
AGENT_TURNS = (1, 3)
CHECKS = (2, 6)
#: Part of the calls that were read that a second reader reads again.
READ_TWICE = (0.0, 0.25)
#: Tokens out of a note, a turn and a check: with little thinking, and with much.
NOTE_OUT = (100, 600)
TURN_OUT = (500, 4_000)
CHECK_OUT = (300, 1_000)


def estimate_audits(
    connection: Connection,
    settings: Settings,
    metric_ids: Sequence[int],
    at: datetime,
    *,
    window_days: int | None = None,
    max_calls: int | None = None,
) -> Mapping[int, Estimate]:
    """Return what an audit of each metric would cost as of a time, each read anew.

    Args:
        at: a time to come counts the calls that there are, in the window that ends there.
    """
    requests = [PoolRequest(metric_id, at, window_days) for metric_id in metric_ids]
    pools = count_pools(connection, requests, settings.pool_rule)
    failing = dict(zip(metric_ids, (count for _, count in pools), strict=True))
    return estimate_pools(connection, settings, failing, at, max_calls)


def estimate_pools(
    connection: Connection,
    settings: Settings,
    failing: Mapping[int, int],
    at: datetime,
    max_calls: int | None = None,
) -> Mapping[int, Estimate]:
    """Return what audits of pools of these sizes, by metric ID, would cost."""
    least = settings.min_failing_calls
    if not settings.uses_agent:
        return {metric: Estimate(count, 0.0, 0.0, "no_llm") for metric, count in failing.items()}
    options = options_of(settings)
    past = past_costs(connection, list(failing), options.model)
    lengths = call_lengths(connection, list(failing), at)
    estimates = {}
    for metric, count in failing.items():
        if count < least:
            estimates[metric] = Estimate(count, 0.0, 0.0, "no_calls")
            continue
        known = None if max_calls else from_past(past.get(metric, ()), count)
        characters = lengths.get(metric, 0.0)
        estimates[metric] = known or _by_length(options, count, characters, max_calls)
    return estimates


def _by_length(
    options: Options, failing: int, characters: float, max_calls: int | None
) -> Estimate:
    most = min(failing, max_calls or options.max_calls)
    call, affordable = 0.0, 0.0
    for window in options.windows:
        call = min(window, characters / CHARACTERS_A_TOKEN)
        affordable = options.reading_tokens // (NOTE_PROMPT + call)
        if affordable >= most:
            break
    reads = int(max(1, min(most, affordable)))
    low, high = (_cost(options, failing, reads, call, hard) for hard in (0, 1))
    return Estimate(failing, low, high, "price_unknown" if high is None else "length_of_calls")


def _cost(options: Options, failing: int, reads: int, call: float, hard: int) -> float | None:
    """Return the dollars of an audit of an easy pool (`hard` 0) or of a hard one (1)."""
    notes = reads * (1 + READ_TWICE[hard])
    reader = Tokens(
        input=round(notes * (NOTE_PROMPT + call) + failing * NOTE_LENGTH),
        output=round(notes * NOTE_OUT[hard]),
    )
    turns, checks = AGENT_TURNS[hard], CHECKS[hard]
    agent = Tokens(
        input=round(turns * (AGENT_PROMPT + reads * NOTE_LENGTH) + checks * CHECK_PROMPT),
        output=turns * TURN_OUT[hard] + checks * CHECK_OUT[hard],
    )
    if options.reader_model == options.model:
        agent.input += reader.input
        agent.output += reader.output
        return total_cost({options.model: agent}, options.prices)
    return total_cost({options.model: agent, options.reader_model: reader}, options.prices)
