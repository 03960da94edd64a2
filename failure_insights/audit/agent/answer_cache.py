"""Keeps the LLM's answers by everything that could change them, so that none is paid twice."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine

from failure_insights.store.llm_answers import recall, remember


class Answers(Protocol):
    """Where answers of the LLM are kept, by key."""

    async def recall(self, keys: Iterable[str]) -> Mapping[str, Any]:
        """Return the kept values of these keys; others are missing."""
        ...

    async def remember(
        self, stage: str, values: Mapping[str, Any], *, replace: bool = False
    ) -> None:
        """Keep values of one stage; one that is kept already stays, unless it is replaced."""
        ...


@dataclass(frozen=True)
class StoredAnswers:
    """Answers kept in the store, for all runs of all processes."""

    engine: Engine

    async def recall(self, keys: Iterable[str]) -> Mapping[str, Any]:
        wanted = list(keys)
        return await asyncio.to_thread(self._recall, wanted) if wanted else {}

    async def remember(
        self, stage: str, values: Mapping[str, Any], *, replace: bool = False
    ) -> None:
        if values:
            await asyncio.to_thread(self._remember, stage, values, replace)

    def _recall(self, keys: list[str]) -> Mapping[str, Any]:
        with self.engine.connect() as connection:
            return recall(connection, keys)

    def _remember(self, stage: str, values: Mapping[str, Any], replace: bool) -> None:
        with self.engine.begin() as connection:
            remember(connection, stage, values, replace=replace)
