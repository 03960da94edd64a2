"""Holds one audit under way: its calls, what is known of them so far, and its requests."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from failure_insights.audit import prompts
from failure_insights.audit.agent.answer_cache import Answers
from failure_insights.audit.agent.call_note import CallNote
from failure_insights.audit.agent.cases import Case
from failure_insights.audit.agent.options import STAGES, Options, Stage
from failure_insights.audit.agent.output_filter import OutputFilter
from failure_insights.audit.agent.schemas import Assignment
from failure_insights.audit.agent.themes import Handles
from failure_insights.audit.agent.vectors import Vectors
from failure_insights.domain.auditing import CallContext, CallReader
from failure_insights.domain.calls import Turn
from failure_insights.domain.identity import PriorCause, PriorTheme
from failure_insights.domain.pools import FailingCall, Pool
from failure_insights.llm import (
    AgentTurn,
    Budget,
    BudgetSpent,
    Endpoint,
    EndpointUnavailable,
    Message,
    Tool,
    ToolUse,
    UnusableAnswer,
    schema_sha,
)

#: Prompt values that the cache key ignores. Themes found earlier today are sent but are not part of
#: the key, so repeating an audit is a cache hit.
NO_NEWS: Mapping[str, str] = {"todays_themes": ""}
#: Round trips to the LLM that an audit takes one after the other, at most.
MOST_DEPTH = 6

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")


@dataclass
class AuditSession:
    """One audit under way.

    What the LLM cannot or does not answer is left out and counted in `lost` by stage; whoever
    asked goes on with what there is. `EndpointRefused` alone ends the audit's LLM part.
    """

    pool: Pool
    cases: Sequence[Case]
    calls: CallReader
    passing: Sequence[FailingCall]
    priors: Sequence[PriorTheme]
    vectors: Vectors
    metric: str
    #: What people write about the project and the metric, for readers.
    about: str
    endpoint: Endpoint
    answers: Answers
    options: Options
    spending: Budget
    #: Transcripts that this audit may read, tokens that are shown of each (fewer once the model's
    #: context turned out to be smaller), and the calls that it read before it knew anything.
    readable: int = 0
    window: int = 0
    sample: Sequence[Case] = ()
    notes: dict[str, CallNote] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    recalled: int = 0
    is_spent: bool = False
    #: Round trips to the LLM so far, one after the other.
    depth: int = 0
    #: Causes of the last days, to be recognised.
    prior_causes: Sequence[PriorCause] = ()
    _turns: dict[str, Sequence[Turn]] = field(default_factory=dict)
    _contexts: dict[str, CallContext] = field(default_factory=dict)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Where each handle's case is."""
        return {case.handle: index for index, case in enumerate(self.cases)}

    @cached_property
    def handles(self) -> Handles:
        return Handles(frozenset(self.index), {case.call_id: case.handle for case in self.cases})

    @cached_property
    def output(self) -> OutputFilter:
        return OutputFilter([case.call_id for case in self.cases])

    def is_flagged(self, case: Case) -> bool:
        """Return whether the call holds text that speaks to whoever reads it."""
        note = self.notes.get(case.handle)
        return case.flagged or (note is not None and note.flagged)

    def has_time_for(self, round_trips: int) -> bool:
        """Return whether so many more round trips keep the audit within `MOST_DEPTH`."""
        return self.depth + round_trips <= MOST_DEPTH

    @property
    def reads_left(self) -> int:
        return max(0, self.readable - len(self.notes))

    async def transcripts(self, call_ids: Collection[str]) -> Mapping[str, Sequence[Turn]]:
        """Return these calls' transcripts; a call that is gone is missing."""
        wanted = [call_id for call_id in call_ids if call_id not in self._turns]
        if wanted:
            self._turns.update(await asyncio.to_thread(self.calls.transcripts, wanted))
        return {call_id: self._turns[call_id] for call_id in call_ids if call_id in self._turns}

    async def contexts(self, call_ids: Collection[str]) -> Mapping[str, CallContext]:
        """Return what is known of these calls beside their transcripts."""
        missing = [call_id for call_id in call_ids if call_id not in self._contexts]
        if missing:
            self._contexts.update(await asyncio.to_thread(self.calls.contexts, missing))
        return {c: self._contexts[c] for c in call_ids if c in self._contexts}

    def has_transcript(self, call_id: str) -> bool:
        """Return whether the call's transcript was looked at, and holds words."""
        return any(turn.content.strip() for turn in self._turns.get(call_id, ()))

    async def each(self, work: Iterable[Awaitable[R | None]]) -> list[R]:
        """Do all of it at once; return what came of it, in order, without what came to nothing."""

        async def one(item: Awaitable[R | None]) -> R | None:
            return await item

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(item)) for item in work]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [found for task in tasks if (found := task.result()) is not None]

    async def ask(
        self,
        stage: Stage,
        schema: type[T],
        slots: Mapping[str, str],
        *,
        way: str | None = None,
        can_split: bool = False,
    ) -> T | None:
        """Return the answer to a stage's prompt, kept or new; None: there is none to be had.

        Args:
            way: the way of working to tell, see `Prompt.fill`.
            can_split: the caller would rather ask again for less than go without.

        Raises:
            EndpointRefused: nothing more will be answered.
            ContextTooLong: the prompt is too long for the model.
            UnusableAnswer: no answer could be made sense of, and the caller can split.
        """
        system, data = self.fill(stage, slots, way)
        key = self.key(stage, schema_sha(schema), *self.fill(stage, {**slots, **NO_NEWS}, way))
        if (kept := await self._recalled(key, schema)) is not None:
            return kept
        limits = STAGES[stage]
        try:
            answer = await self.endpoint.ask(
                self.options.model_of(stage),
                Message(system, data),
                schema,
                self.spending,
                effort=limits.effort,
                max_tokens=limits.max_tokens,
                cache_key=self._prefix_key(stage),
            )
        except UnusableAnswer:
            if can_split:
                raise
            self.lost[stage] += 1
            return None
        except EndpointUnavailable:
            self.lost[stage] += 1
            return None
        except BudgetSpent:
            self.is_spent = True
            return None
        await self.answers.remember(stage, {key: answer.model_dump(mode="json")})
        return answer

    def fill(
        self, stage: Stage, slots: Mapping[str, str], way: str | None = None
    ) -> tuple[str, str]:
        """Return the task and the data of a stage's prompt."""
        return prompts.load(stage).fill(
            way, metric=self.metric, language=self.options.language, **slots
        )

    async def take_turn(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Tool],
        must_use: str | None,
        kept_by: Sequence[Mapping[str, Any]],
    ) -> AgentTurn | None:
        """Return the agent's next turn, kept or new; None: there is none to be had.

        Args:
            kept_by: the conversation without news, see `NO_NEWS`.
        """
        told = [tool.name + schema_sha(tool.arguments) for tool in tools]
        key = self.key("agent", *told, must_use or "", json.dumps(kept_by))
        if kept := (await self.answers.recall([key])).get(key):
            self.recalled += 1
            return _turn_of(kept)
        limits = STAGES["agent"]
        try:
            turn = await self.endpoint.take_turn(
                self.options.model_of("agent"),
                messages,
                tools,
                self.spending,
                must_use=must_use,
                effort=limits.effort,
                max_tokens=limits.max_tokens,
                cache_key=self._prefix_key("agent"),
            )
        except (EndpointUnavailable, UnusableAnswer):
            self.lost["agent"] += 1
            return None
        except BudgetSpent:
            self.is_spent = True
            return None
        await self.answers.remember("agent", {key: turn.message})
        return turn

    def label_key(self, listed: str, text: str) -> str:
        """Return what the label of one call is kept by: the themes as listed, and its text."""
        system, _ = prompts.load("assign").fill(
            metric="", causes="", items="", language=self.options.language
        )
        return self.key("assign", schema_sha(Assignment), system, listed, text)

    def key(self, stage: Stage, *parts: str) -> str:
        """Return what an answer of a stage is kept by: all that could change it.

        Args:
            parts: what was asked, and the schema of the answer.
        """
        limits = STAGES[stage]
        asked = [
            stage,
            prompts.load(stage).sha,
            self.metric,
            self.endpoint.address,
            self.options.model_of(stage),
            limits.effort,
            str(limits.max_tokens),
            *parts,
        ]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def _prefix_key(self, stage: Stage) -> str:
        """Return what the provider's prompt cache may route by: one value per metric and stage."""
        prefix = f"{stage}\0{prompts.load(stage).sha}\0{self.metric}"
        return hashlib.sha256(prefix.encode("utf-8", "replace")).hexdigest()[:32]

    async def _recalled(self, key: str, schema: type[T]) -> T | None:
        kept = (await self.answers.recall([key])).get(key)
        if kept is None:
            return None
        try:
            answer = schema.model_validate(kept)
        except ValidationError:
            return None
        self.recalled += 1
        return answer


def _turn_of(message: dict[str, Any]) -> AgentTurn:
    """Return the turn that a kept message holds."""
    uses = [
        ToolUse(use["id"], use["function"]["name"], use["function"]["arguments"])
        for use in message.get("tool_calls") or ()
    ]
    return AgentTurn(message.get("content") or "", tuple(uses), message)
