"""Storing a batch of calls in one transaction: what is there is merged, what differs is copied."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson
import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from failure_insights.domain.calls import Call, JudgedResult, MetricResult, Turn
from failure_insights.domain.merging import merged_call, merged_result
from failure_insights.domain.metrics import MetricCard, MetricType, PassRule, default_type, judged
from failure_insights.domain.names import free_slug, name_key, of_name
from failure_insights.errors import BadInput
from failure_insights.ingest.report import Line, LineResult, Status
from failure_insights.store.database import query
from failure_insights.store.names import lock_projects, numbered, projects_of_names
from failure_insights.store.projects import metrics_like
from failure_insights.store.verdicts import judge_stored

#: What Postgres, or the way to it, says of a value that it cannot hold.
_REFUSED = (
    *(DataError, IntegrityError, psycopg.DataError, psycopg.IntegrityError, UnicodeError),
    BadInput,
)

#: A call: its project's ID and its own.
Key = tuple[int, str]
#: A metric: its project's ID and what all spellings of its name share.
MetricKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: a result for each line, and what else there is to tell."""

    results: list[LineResult]
    told: list[str] = field(default_factory=list)
    unjudged: Counter[tuple[str, str]] = field(default_factory=Counter)


def store_batch(engine: Engine, batch: Sequence[Line]) -> Stored:
    """Store the calls of a batch and return what became of each line, in their order."""
    try:
        with engine.begin() as connection:
            return _Batch(connection, batch).store()
    except _REFUSED as error:
        # Calls are checked before, so this should not be; but one must not cost the others.
        if len(batch) == 1:
            reason = f"Postgres cannot hold a value of this call ({type(error).__name__})"
            if isinstance(error, BadInput):
                reason = str(error)
            return Stored([LineResult(batch[0], "rejected", reason)])
    half = len(batch) // 2
    first, second = store_batch(engine, batch[:half]), store_batch(engine, batch[half:])
    return Stored(
        [*first.results, *second.results],
        [*first.told, *second.told],
        first.unjudged + second.unjudged,
    )


@dataclass(slots=True)
class _Metric:
    """A metric of the batch: its row, its card as the lines have made it, its pass rule."""

    slug: str
    card: MetricCard
    rule: PassRule | None = None
    id: int = 0
    gets_a_rule: bool = False


@dataclass(slots=True)
class _State:
    """A call as the lines so far have left it. `call` is None while it is as it is stored."""

    digest: bytes | None
    has_results: bool
    call: Call | None = None
    is_changed: bool = False
    results: dict[int, JudgedResult] = field(default_factory=dict)
    changed_results: set[int] = field(default_factory=set)


class _Batch:
    """One batch in its transaction."""

    def __init__(self, connection: Connection, lines: Sequence[Line]) -> None:
        self.connection = connection
        self.lines = lines
        self.with_call = [line for line in lines if line.read]
        self.told: list[str] = []
        self.metrics: dict[MetricKey, _Metric] = {}
        # The names of project and metric of each result that has no verdict.
        self.unjudged: dict[tuple[Key, int], tuple[str, str]] = {}

    def store(self) -> Stored:
        results = self._take() if self.with_call else {}
        return Stored(
            [results.get(id(line)) or _not_taken(line) for line in self.lines],
            self.told,
            Counter(self.unjudged.values()),
        )

    def _take(self) -> dict[int, LineResult]:
        names = dict.fromkeys(line.call.project for line in self.with_call)
        self.projects, self.told = projects_of_names(self.connection, names)
        project_ids = {row.id for row in self.projects.values()}
        lock_projects(self.connection, project_ids)
        self._learn_metrics(project_ids)
        digests = {id(line): _digest(line.call) for line in self.with_call}
        self.states = self._known_states(digests)
        results = {id(line): self._fold(line, digests[id(line)]) for line in self.with_call}
        self._write()
        return results

    def _key(self, call: Call) -> Key:
        return self.projects[call.project].id, call.call_id

    # Metrics

    def _learn_metrics(self, project_ids: Iterable[int]) -> None:
        """Find the metrics of the lines; make the new ones, and update cards that learned."""
        named: dict[int, dict[str, list[MetricResult]]] = {}
        for line in self.with_call:
            project_id = self.projects[line.call.project].id
            results = named.setdefault(project_id, {})
            for result in line.call.metrics:
                results.setdefault(name_key(result.name), []).append(result)
        for project_id in project_ids:
            if project_id in named:
                self._learn_metrics_of(project_id, named[project_id])
        if not self.metrics:
            return
        rows = self._run(
            "import_metrics",
            project_ids=[project_id for project_id, _ in self.metrics],
            slugs=[metric.slug for metric in self.metrics.values()],
            names=[metric.card.name for metric in self.metrics.values()],
            types=[metric.card.type for metric in self.metrics.values()],
            pass_rules=[metric.card.pass_rule for metric in self.metrics.values()],
            eligible=[metric.card.is_eligible for metric in self.metrics.values()],
        )
        ids = {(row.project_id, row.slug): row.id for row in rows}
        for (project_id, _), metric in self.metrics.items():
            metric.id = ids[project_id, metric.slug]

    def _learn_metrics_of(self, project_id: int, named: Mapping[str, list[MetricResult]]) -> None:
        names = {key: results[0].name for key, results in named.items()}
        rows = metrics_like(self.connection, project_id, names.values())
        slugs = {row.slug: row.name for row in rows}
        for key, name in names.items():
            row = of_name(rows, name)
            card = row.card if row else None
            for result in named[key]:
                card = _learned(card, result)
            assert card is not None
            slug = row.slug if row else free_slug(name, slugs)
            if row is None:
                self.told += numbered("metric", name, slug, slugs)
                slugs[slug] = name
            metric = self.metrics[project_id, key] = _Metric(slug, card)
            if card.pass_rule:
                metric.rule = PassRule.parse(card.pass_rule)
                metric.gets_a_rule = row is not None and row.card.pass_rule is None

    # Calls, line by line

    def _known_states(self, digests: Mapping[int, bytes]) -> dict[Key, _State]:
        """Return the calls of the lines that are stored, as far as they are needed."""
        keys = {self._key(line.call) for line in self.with_call}
        states = {
            (row.project_id, row.call_id): _State(bytes(row.digest), row.has_results)
            for row in self._run("import_known_calls", **_columns(keys))
        }
        differing, judging = set(), set()
        for line in self.with_call:
            key = self._key(line.call)
            if key in states:
                if states[key].digest != digests[id(line)]:
                    differing.add(key)
                if line.call.metrics:
                    judging.add(key)
        if differing:
            names = {row.id: name for name, row in self.projects.items()}
            for row in self._run("import_stored_calls", **_columns(differing)):
                call = _call_of(row, names[row.project_id])
                states[row.project_id, row.call_id].call = call
        if judging:
            for row in self._run("import_stored_results", **_columns(judging)):
                result = JudgedResult(row.passed, row.score, row.explanation, row.by_rule)
                states[row.project_id, row.call_id].results[row.metric_id] = result
        return states

    def _fold(self, line: Line, digest: bytes) -> LineResult:
        """Merge a line into the state of its call; return what became of it."""
        key = self._key(line.call)
        state = self.states.get(key)
        status: Status = "unchanged"
        if state is None:
            status = "new"
            state = self.states[key] = _State(digest, False, line.call, True)
        elif state.call is not None and state.digest != digest:
            merged = merged_call(state.call, line.call, corrects=line.corrects)
            if merged != state.call:
                status = "updated"
                state.call, state.digest, state.is_changed = merged, _digest(merged), True
        for result in line.call.metrics:
            metric = self.metrics[key[0], name_key(result.name)]
            old = state.results.get(metric.id)
            new = merged_result(old, judged(result, metric.rule))
            if new.passed is None:
                self.unjudged[key, metric.id] = line.call.project, metric.card.name
            if new is not old:
                state.results[metric.id] = new
                state.changed_results.add(metric.id)
                state.has_results = True
                status = "new" if status == "new" else "updated"
        turns = (state.call or line.call).transcript
        return LineResult(line, status, None, bool(turns), state.has_results)

    def _write(self) -> None:
        changed = {key: state for key, state in self.states.items() if state.is_changed}
        judged_anew = {key: state for key, state in self.states.items() if state.changed_results}
        if changed or judged_anew:
            self._cursor().execute(str(query("import_tables")))
        if changed:
            agents = self._agent_ids(changed)
            self._copy("incoming_calls", _call_rows(changed, agents))
            self._run("import_calls")
        if judged_anew:
            self._copy("incoming_results", _result_rows(judged_anew))
            self._run("import_results")
        for metric in self.metrics.values():
            if metric.gets_a_rule and metric.rule:
                judge_stored(self.connection, metric.id, metric.rule, only_unjudged=True)

    def _agent_ids(self, states: Mapping[Key, _State]) -> Mapping[tuple[int, str], int]:
        named = {(key[0], state.call.agent) for key, state in states.items() if state.call}
        rows = self._run(
            "import_agents", project_ids=[p for p, _ in named], names=[name for _, name in named]
        )
        return {(row.project_id, row.name): row.id for row in rows}

    def _run(self, name: str, **values: Any) -> Any:
        return self.connection.execute(query(name), values)

    def _copy(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        with self._cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def _cursor(self) -> psycopg.Cursor[Any]:
        return cast(psycopg.Connection[Any], self.connection.connection.driver_connection).cursor()


def _not_taken(line: Line) -> LineResult:
    return LineResult(line, "passed_over" if line.is_event else "rejected", line.reason)


def _columns(keys: Iterable[Key]) -> dict[str, list[Any]]:
    pairs = [*keys]
    return {"project_ids": [pair[0] for pair in pairs], "call_ids": [pair[1] for pair in pairs]}


def _learned(card: MetricCard | None, result: MetricResult) -> MetricCard:
    """Return a metric's card after one more result.

    A type that a line names counts while the card has the default one, and a pass rule while the
    card has none: what somebody chose for the card is not undone by the next import.
    """
    if card is None:
        type_ = cast(MetricType, result.type or default_type(result.name))
        return MetricCard(result.name, type_, pass_rule=result.pass_rule)
    is_default = card.type == default_type(card.name)
    type_ = cast(MetricType, result.type) if result.type and is_default else card.type
    rule = card.pass_rule or result.pass_rule
    if (type_, rule) == (card.type, card.pass_rule):
        return card
    return replace(card, type=type_, pass_rule=rule)


def _call_of(row: Any, project: str) -> Call:
    """Return a stored call, without its results."""
    return Call(
        call_id=row.call_id,
        project=project,
        agent=row.agent,
        started_at=row.started_at,
        transcript=tuple(Turn(**turn) for turn in row.turns),
        duration_s=row.duration_s,
        ended_reason=row.ended_reason,
        metadata=row.metadata,
    )


def _call_rows(
    states: Mapping[Key, _State], agents: Mapping[tuple[int, str], int]
) -> Iterator[Sequence[object]]:
    for (project_id, call_id), state in states.items():
        call = state.call
        assert call is not None
        yield (
            project_id,
            agents[project_id, call.agent],
            call_id,
            call.started_at,
            call.duration_s,
            call.ended_reason,
            orjson.dumps(call.metadata).decode(),
            state.digest,
            orjson.dumps([*map(_stored_turn, call.transcript)]).decode(),
        )


def _result_rows(states: Mapping[Key, _State]) -> Iterator[Sequence[object]]:
    for (project_id, call_id), state in states.items():
        for metric_id in state.changed_results:
            result = state.results[metric_id]
            score = None if result.score is None else orjson.dumps(result.score).decode()
            yield (
                *(project_id, call_id, metric_id),
                *(result.passed, score, result.explanation, result.by_rule),
            )


def _stored_turn(turn: Turn) -> dict[str, object]:
    """Return a turn as it is stored: what it does not say is left out."""
    stored: dict[str, object] = {"role": turn.role, "content": turn.content}
    if turn.start_s is not None:
        stored["start_s"] = turn.start_s
    if turn.tool_name is not None:
        stored["tool_name"] = turn.tool_name
    if turn.speaker is not None:
        stored["speaker"] = turn.speaker
    return stored


def _digest(call: Call) -> bytes:
    """Return a hash of all that a line says of the call itself, its results aside."""
    said = [
        call.agent,
        call.started_at,
        call.duration_s,
        call.ended_reason,
        call.metadata,
        call.transcript,
    ]
    # Sorted: Postgres keeps the keys of an object in an order of its own, and a call that was
    # read back and sent again is the same call.
    return hashlib.blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
