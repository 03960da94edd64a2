"""What was learnt from LLM endpoints: their answers, and what each of them understands."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, text

#: An endpoint may be updated at any time; what it can do is found out anew after a day.
FACTS_LAST_HOURS = 24


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


class StoredCapabilities:
    """The memory of what endpoints can do, for all processes on one store."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def recall(self, base_url: str, model: str) -> Mapping[str, Any] | None:
        """Return what was found out of a model in the last day, or None."""
        statement = text(
            "SELECT facts FROM llm_capabilities WHERE base_url = :base_url AND model = :model"
            " AND probed_at > now() - make_interval(hours => :hours)"
        )
        values = {"base_url": base_url, "model": model, "hours": FACTS_LAST_HOURS}
        with self.engine.connect() as connection:
            facts: Mapping[str, Any] | None = connection.execute(statement, values).scalar()
            return facts

    def remember(self, base_url: str, model: str, facts: Mapping[str, Any]) -> None:
        """Keep what was found out of a model, in place of what was known."""
        statement = text(
            "INSERT INTO llm_capabilities (base_url, model, facts)"
            " VALUES (:base_url, :model, :facts) ON CONFLICT (base_url, model)"
            " DO UPDATE SET facts = excluded.facts, probed_at = now()"
        )
        values = {"base_url": base_url, "model": model, "facts": Jsonb(dict(facts))}
        with self.engine.begin() as connection:
            connection.execute(statement, values)
