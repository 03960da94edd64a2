"""Storing one batch of calls in one transaction: what is there is compared, the rest is copied."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import orjson
import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from failure_insights.domain.calls import Call, MetricResult, Turn
from failure_insights.domain.metrics import MetricCard, MetricType, default_type
from failure_insights.errors import BadInput
from failure_insights.sources.native import rule_of, slug_of
from failure_insights.sources.reading import shown
from failure_insights.store.database import query

Status = Literal["new", "updated", "unchanged", "rejected"]

#: What Postgres, or the way to it, says of a value that it cannot hold.
_REFUSED = (DataError, IntegrityError, psycopg.DataError, psycopg.IntegrityError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read: its call, or the reason why it has none. `size` is its length."""

    number: int
    size: int
    call: Call | None
    call_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of a line (1-based; blank lines count). `reason`: why it was rejected."""

    line: int
    status: Status
    call_id: str | None
    reason: str | None = None


#: Takes a project's slug, a call's ID and its line; returns the first line that had the call.
FirstLine = Callable[[str, str, int], int]


def store_batch(engine: Engine, batch: Sequence[Line], first_line: FirstLine) -> list[LineResult]:
    """Store the calls of a batch and return what became of each line, in their order."""
    try:
        with engine.begin() as connection:
            return _Batch(connection, batch, first_line).store()
    except _REFUSED as error:
        # Lines are checked before, so this should not be; but one line must not cost the others.
        if len(batch) == 1:
            (line,) = batch
            call_id = line.call.call_id if line.call else line.call_id
            reason = f"Postgres cannot hold a value of this call ({type(error).__name__})"
            return [LineResult(line.number, "rejected", call_id, reason)]
    half = len(batch) // 2
    return [
        *store_batch(engine, batch[:half], first_line),
        *store_batch(engine, batch[half:], first_line),
    ]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A call that will be stored, with its verdicts in the order of its metrics."""

    line: int
    call: Call
    verdicts: tuple[bool, ...]

    @property
    def project_slug(self) -> str:
        return slug_of(self.call.project)


class _Batch:
    """One batch in its transaction."""

    def __init__(self, connection: Connection, lines: Sequence[Line], first: FirstLine) -> None:
        self.connection = connection
        self.lines = lines
        self.first_line = first
        calls = [line.call for line in lines if line.call]
        self._run("import_lock", slugs=[slug_of(call.project) for call in calls])
        self.cards = self._stored_cards(calls)

    def store(self) -> list[LineResult]:
        results = {line.number: self._read(line) for line in self.lines}
        judged = [result for result in results.values() if isinstance(result, _Judged)]
        statuses = self._write(judged) if judged else {}
        return [
            LineResult(number, statuses[number], result.call.call_id)
            if isinstance(result, _Judged)
            else result
            for number, result in results.items()
        ]

    def _read(self, line: Line) -> _Judged | LineResult:
        """Return the call to store, or why there is none; learn what it says of its metrics."""
        if line.call is None:
            return LineResult(line.number, "rejected", line.call_id, line.reason)
        call = line.call
        try:
            judged = _Judged(line.number, call, tuple(map(self._verdict(call), call.metrics)))
            first = self.first_line(judged.project_slug, call.call_id, line.number)
            if first != line.number:
                raise BadInput(f"call_id is the same as in line {first}, which is kept")
        except BadInput as error:
            return LineResult(line.number, "rejected", call.call_id, str(error))
        for result in call.metrics:
            pair = judged.project_slug, slug_of(result.name)
            self.cards[pair] = _learned(self.cards.get(pair), result)
        return judged

    def _verdict(self, call: Call) -> Callable[[MetricResult], bool]:
        def passed(result: MetricResult) -> bool:
            if result.passed is not None:
                return result.passed
            card = self.cards.get((slug_of(call.project), slug_of(result.name)))
            rule = result.pass_rule or (card and card.pass_rule)
            if not rule:
                raise BadInput(
                    f"metric {shown(result.name)} has a score and no pass rule; send passed, or "
                    "pass_rule with the score, or put the rule on the metric's card"
                )
            return rule_of(rule).passes(result.score)

        return passed

    def _stored_cards(self, calls: Iterable[Call]) -> dict[tuple[str, str], MetricCard]:
        """Return the cards of the calls' metrics that are stored, by slugs."""
        pairs = {(slug_of(c.project), slug_of(r.name)) for c in calls for r in c.metrics}
        rows = self._run(
            "import_cards",
            projects=[pair[0] for pair in pairs],
            metrics=[pair[1] for pair in pairs],
        )
        return {
            (row.project_slug, row.slug): MetricCard(row.name, row.type, pass_rule=row.pass_rule)
            for row in rows
        }

    def _write(self, judged: Sequence[_Judged]) -> Mapping[int, Status]:
        """Write the calls that differ from what is stored; return each line's status."""
        projects = self._project_ids(judged)
        keys = {item.line: (projects[item.project_slug], item.call.call_id) for item in judged}
        digests = {item.line: _digest(item.call) for item in judged}
        known = {
            (row.project_id, row.call_id): bytes(row.digest)
            for row in self._run(
                "import_known_calls",
                project_ids=[key[0] for key in keys.values()],
                call_ids=[key[1] for key in keys.values()],
            )
        }
        differing = [item for item in judged if known.get(keys[item.line]) != digests[item.line]]
        with_results = [item for item in judged if item.call.metrics]
        if differing or with_results:
            self._cursor().execute(str(query("import_tables")))
        if differing:
            agents = self._agent_ids(differing, projects)
            self._copy("incoming_calls", _call_rows(differing, keys, agents, digests))
            self._run("import_calls")
        rejudged = self._write_results(with_results, projects, keys) if with_results else set()
        changed = {keys[item.line] for item in differing} | rejudged
        return {
            line: "new" if key not in known else "updated" if key in changed else "unchanged"
            for line, key in keys.items()
        }

    def _write_results(
        self,
        judged: Sequence[_Judged],
        projects: Mapping[str, int],
        keys: Mapping[int, tuple[int, str]],
    ) -> set[tuple[int, str]]:
        """Write the results that differ from what is stored; return the keys of their calls."""
        metrics = self._metric_ids(judged, projects)
        rows = (
            (
                *keys[item.line],
                metrics[keys[item.line][0], slug_of(result.name)],
                passed,
                None if result.score is None else orjson.dumps(result.score).decode(),
                result.explanation,
            )
            for item in judged
            for result, passed in zip(item.call.metrics, item.verdicts, strict=True)
        )
        self._copy("incoming_results", rows)
        return {(row.project_id, row.call_id) for row in self._run("import_results")}

    def _project_ids(self, judged: Iterable[_Judged]) -> Mapping[str, int]:
        # Of names that share a slug the first is kept.
        names: dict[str, str] = {}
        for item in judged:
            names.setdefault(item.project_slug, item.call.project)
        rows = self._run("import_projects", slugs=[*names], names=[*names.values()])
        return {row.slug: row.id for row in rows}

    def _agent_ids(
        self, judged: Iterable[_Judged], projects: Mapping[str, int]
    ) -> Mapping[tuple[int, str], int]:
        named = {(projects[item.project_slug], item.call.agent) for item in judged}
        rows = self._run(
            "import_agents", project_ids=[p for p, _ in named], names=[name for _, name in named]
        )
        return {(row.project_id, row.name): row.id for row in rows}

    def _metric_ids(
        self, judged: Iterable[_Judged], projects: Mapping[str, int]
    ) -> Mapping[tuple[int, str], int]:
        pairs = {(i.project_slug, slug_of(r.name)) for i in judged for r in i.call.metrics}
        cards = {(projects[project], slug): self.cards[project, slug] for project, slug in pairs}
        rows = self._run(
            "import_metrics",
            project_ids=[project_id for project_id, _ in cards],
            slugs=[slug for _, slug in cards],
            names=[card.name for card in cards.values()],
            types=[card.type for card in cards.values()],
            pass_rules=[card.pass_rule for card in cards.values()],
            eligible=[card.is_eligible for card in cards.values()],
        )
        return {(row.project_id, row.slug): row.id for row in rows}

    def _run(self, name: str, **values: Any) -> Any:
        return self.connection.execute(query(name), values)

    def _copy(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        with self._cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def _cursor(self) -> psycopg.Cursor[Any]:
        return cast(psycopg.Connection[Any], self.connection.connection.driver_connection).cursor()


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


def _call_rows(
    judged: Iterable[_Judged],
    keys: Mapping[int, tuple[int, str]],
    agents: Mapping[tuple[int, str], int],
    digests: Mapping[int, bytes],
) -> Iterator[Sequence[object]]:
    for item in judged:
        call = item.call
        project_id, call_id = keys[item.line]
        yield (
            project_id,
            agents[project_id, call.agent],
            call_id,
            call.started_at,
            call.duration_s,
            call.ended_reason,
            orjson.dumps(call.metadata).decode(),
            digests[item.line],
            orjson.dumps([*map(_stored_turn, call.transcript)]).decode(),
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
