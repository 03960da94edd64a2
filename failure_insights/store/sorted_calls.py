"""Failing calls that came after an audit, and which of its themes they were sorted into."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text
from typing_extensions import TypedDict

from failure_insights.domain.pools import FailingCall
from failure_insights.store.database import query
from failure_insights.store.documented import documented

#: An audit whose window ended before that is too old to sort by.
FRESH = timedelta(days=2)
#: Calls of one metric that are sorted in one go.
MOST_CALLS = 200


@documented
class SinceThenTheme(TypedDict):
    """Calls of a theme since its audit."""

    theme_id: str
    call_ids: list[str]


@documented
class SinceThenRow(TypedDict):
    """What was sorted of the failing calls that came after an audit; in none of its sums."""

    insight_id: int
    sorted_at: datetime | None
    """Null: nothing was sorted."""
    themes: list[SinceThenTheme]
    in_no_theme: list[str]
    """Calls of no theme of the audit, or whose explanation does not say why they failed."""


@dataclass(frozen=True, slots=True)
class Unsorted:
    """The calls of a metric that came after its newest audit, and that audit."""

    insight_id: int
    metric_id: int
    #: `PROJECT/METRIC`.
    pair: str
    calls: tuple[FailingCall, ...]


def unsorted_calls(connection: Connection, now: datetime) -> list[Unsorted]:
    """Return the calls to sort, by metric."""
    values = {"since": now - FRESH, "most": MOST_CALLS}
    rows = connection.execute(query("unsorted_calls"), values)
    found = []
    for (insight_id, metric_id, project, metric), group in groupby(
        rows, lambda row: (row.insight_id, row.metric_id, row.project, row.metric)
    ):
        calls = tuple(
            FailingCall(row.call_id, row.agent, row.started_at, row.explanation) for row in group
        )
        found.append(Unsorted(insight_id, metric_id, f"{project}/{metric}", calls))
    return found


def has_unsorted_calls(connection: Connection, now: datetime) -> bool:
    """Return whether calls came after an audit by the agent that is fresh enough to sort by."""
    values = {"since": now - FRESH, "most": 1}
    return connection.execute(query("unsorted_calls"), values).first() is not None


def criteria_of(connection: Connection, insight_id: int) -> dict[str, str]:
    """Return the criterion of each theme of an insight, by its ID, in the insight's order."""
    statement = text(
        "SELECT theme.theme_id, theme.criterion FROM insight_themes AS shown"
        " JOIN themes AS theme USING (theme_id)"
        " WHERE shown.insight_id = :id AND theme.criterion <> '' ORDER BY shown.position"
    )
    rows = connection.execute(statement, {"id": insight_id})
    return {row.theme_id: row.criterion for row in rows}


def keep_sorted(
    connection: Connection,
    insight_id: int,
    theme_of: Mapping[str, str | None],
    model: str,
    usage: Mapping[str, int],
    cost: float | None,
) -> None:
    """Keep the theme of each call (None: of no theme), and what sorting them cost."""
    values = {
        "insight_id": insight_id,
        "model": model,
        "usage": Jsonb(dict(usage)),
        "cost": cost,
        "call_ids": list(theme_of),
        "theme_ids": list(theme_of.values()),
    }
    connection.execute(query("keep_sorted_calls"), values)


def since_then(connection: Connection, insight_ids: Sequence[int]) -> dict[int, SinceThenRow]:
    """Return what came after each of these audits; those after which nothing did are missing."""
    statement = text(
        "SELECT sorted.insight_id, sorted.theme_id, sorted.call_id, sorting.sorted_at"
        " FROM sorted_calls AS sorted JOIN call_sortings AS sorting ON sorting.id = sorting_id"
        " WHERE sorted.insight_id = ANY(:ids) ORDER BY sorted.insight_id, sorted.call_id"
    )
    found: dict[int, SinceThenRow] = {}
    calls: dict[tuple[int, str], list[str]] = defaultdict(list)
    for row in connection.execute(statement, {"ids": list(insight_ids)}):
        since = found.setdefault(row.insight_id, nothing_since(row.insight_id))
        since["sorted_at"] = max(since["sorted_at"] or row.sorted_at, row.sorted_at)
        if row.theme_id is None:
            since["in_no_theme"].append(row.call_id)
        else:
            calls[row.insight_id, row.theme_id].append(row.call_id)
    for (insight_id, theme_id), ids in calls.items():
        found[insight_id]["themes"].append({"theme_id": theme_id, "call_ids": ids})
    return found


def nothing_since(insight_id: int) -> SinceThenRow:
    """Return the row of an audit after which nothing was sorted."""
    return {"insight_id": insight_id, "sorted_at": None, "themes": [], "in_no_theme": []}
