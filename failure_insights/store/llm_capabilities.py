"""Keep what LLM endpoints were found to understand, for all processes on one store."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Engine, text

#: Hours; an endpoint may be updated at any time, so after these it is tried again.
FACTS_LAST_HOURS = 24


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
