"""Keep answers of LLM endpoints, so that the same question is paid for once."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text


def recall(connection: Connection, keys: Iterable[str]) -> dict[str, Any]:
    """Return the kept values of these keys; others are missing."""
    statement = text("SELECT key, value FROM llm_cache WHERE key = ANY(:keys)")
    rows = connection.execute(statement, {"keys": list(keys)})
    return {row.key: row.value for row in rows}


def remember(
    connection: Connection, stage: str, values: Mapping[str, Any], *, replace: bool = False
) -> None:
    """Keep JSON values of one stage; one that is kept already stays, unless it is replaced."""
    at_conflict = "DO UPDATE SET value = excluded.value, created_at = now()"
    # jsonb has its keys in one order, so two audits that keep the same cannot block each other.
    statement = text(
        "INSERT INTO llm_cache (key, stage, value)"
        " SELECT key, :stage, value FROM jsonb_each(:values)"
        f" ON CONFLICT (key) {at_conflict if replace else 'DO NOTHING'}"
    )
    connection.execute(statement, {"stage": stage, "values": Jsonb(dict(values))})


def forget(connection: Connection, days: int) -> int:
    """Delete the answers that were kept longer than so many days ago; return how many."""
    statement = text(
        "DELETE FROM llm_cache WHERE created_at < now() - make_interval(days => :days)"
    )
    return connection.execute(statement, {"days": days}).rowcount
