"""Have an LLM tell a digest in words, and keep of them only what the digest carries."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy import Engine

from failure_insights.audit import prompts
from failure_insights.audit.agent.output_filter import OutputFilter
from failure_insights.audit.caps import why_over_cap
from failure_insights.audit.llm_endpoint import endpoint_of
from failure_insights.llm import Budget, Message, load_prices, total_cost
from failure_insights.llm.budget import Tokens
from failure_insights.llm.errors import LlmError
from failure_insights.settings import Settings
from failure_insights.store.digests import DigestStoryRow, NewDigest
from failure_insights.text.harmless import clean

#: Changes that the LLM is told of; the page lists all.
STORIES_TOLD = 12
MOST_CHARACTERS = 700
MAX_TOKENS = 20_000
MAX_SECONDS = 60.0
ANSWER_TOKENS = 2_000
#: What the request costs at most, to hold against a cap: tokens in and out.
AT_MOST = Tokens(input=6_000, output=2_000)


class Telling(BaseModel):
    """A digest in words."""

    words: str = Field(description="Two to four sentences.")


def tell(
    engine: Engine, settings: Settings, project: str, digest: NewDigest, now: datetime
) -> NewDigest:
    """Return the digest with an LLM's words; as it is where none may be asked, or none will do.

    Words with a number that the digest does not have, or with a quote that is none of its, are not
    shown: a sentence less is better than one made up.
    """
    if not settings.uses_agent or not digest.stories:
        return digest
    most = total_cost({settings.model: AT_MOST}, load_prices(settings.prices_file))
    if why_over_cap(engine, settings, project, most, now):
        return digest
    return asyncio.run(_told(engine, settings, digest))


async def _told(engine: Engine, settings: Settings, digest: NewDigest) -> NewDigest:
    budget = Budget(MAX_TOKENS, MAX_SECONDS)
    system, data = prompts.load("digest").fill(
        language=settings.language,
        headline=digest.headline,
        changes="\n\n".join(_described(story) for story in digest.stories[:STORIES_TOLD]),
    )
    try:
        async with endpoint_of(settings, engine) as endpoint:
            answer = await endpoint.ask(
                settings.model,
                Message(system, data),
                Telling,
                budget,
                effort="low",
                max_tokens=ANSWER_TOKENS,
            )
        words = shown_words(answer.words, digest, data)
    except LlmError:
        words = ""
    return replace(
        digest,
        words=words,
        model=settings.model,
        usage={
            "requests": budget.requests,
            "input_tokens": budget.input_tokens,
            "output_tokens": budget.output_tokens,
        },
        cost=total_cost(budget.tokens_by_model, load_prices(settings.prices_file)),
    )


def shown_words(words: str, digest: NewDigest, data: str) -> str:
    """Return the words that may be shown: every number and quote of theirs stands in the data."""
    calls = [call for story in digest.stories for call in story["call_ids"]]
    quotes = [story["quote"] for story in digest.stories if story["quote"]]
    numbers = set(re.findall(r"\d+", data))
    kept = []
    for sentence in re.split(r"(?<=[.!?。])\s+", " ".join(words.split())):
        if not set(re.findall(r"\d+", sentence)) <= numbers:
            continue
        if not all(_stands(quoted, quotes) for quoted in _quoted(sentence)):
            continue
        kept.append(sentence)
    return OutputFilter(calls).words(" ".join(kept), MOST_CHARACTERS)


def _described(story: DigestStoryRow) -> str:
    themes = "; ".join(
        f"{clean(theme['metric_name'])}: {theme['count']} calls"
        + (f" where {theme['expected']:g} were to be expected" if theme["expected"] else "")
        for theme in story["themes"]
    )
    lines = [f"{story['kind'].replace('_', ' ')}: {clean(story['title'])}", f"calls: {themes}"]
    if story["suggested_fix"]:
        lines.append(f"suggested fix: {clean(story['suggested_fix'])}")
    if story["quote"]:
        lines.append(f"quote: {clean(story['quote'])}")
    return "\n".join(lines)


def _quoted(sentence: str) -> Sequence[str]:
    return re.findall(r"[\"“«„]([^\"“”»]{3,})[\"”»“]", sentence)


def _stands(quoted: str, quotes: Sequence[str]) -> bool:
    return any(quoted.strip(" .,;:!?…") in clean(quote) for quote in quotes)
