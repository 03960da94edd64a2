"""The agent as an auditor to be measured: as the product makes it, over a real store."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, text

from failure_insights.audit.compose import open_auditor
from failure_insights.audit.run_audits import OpenAuditor
from failure_insights.domain.auditing import Auditor
from failure_insights.domain.breakdown import AuditorName, Breakdown
from failure_insights.settings import Settings
from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate
from failure_insights_tests.endpoint.server import EndpointServer, Sent
from failure_insights_tests.quality.planted import PlantedPool
from failure_insights_tests.quality.reader import Reader

#: Requests at once: so many that none waits for another.
UNLIMITED = 512
#: Seconds of an answer: more than preparing a hundred long calls takes, so that requests which do
#: not wait for one another are not taken for such that do.
LATENCY_S = 1.0


@dataclass(frozen=True)
class Observed:
    """An agent whose LLM is a reader, and what the reader's server saw of it."""

    auditor: Auditor
    reader: Reader
    server: EndpointServer
    engine: Engine

    def told(self, pools: Iterable[PlantedPool]) -> Iterator[PlantedPool]:
        """Yield the pools, each time telling the reader which causes it may take for others."""
        for planted in pools:
            self.reader.causes = planted.causes
            yield planted

    def sent_by_stage(self, since: int = 0) -> dict[str, int]:
        """Return how many requests there were of each stage."""
        stages = [sent.schema_name or "agent" for sent in self.server.sent[since:]]
        return {stage: stages.count(stage) for stage in sorted(set(stages))}

    def forget(self) -> None:
        """Drop all answers that were kept."""
        with self.engine.begin() as connection:
            connection.execute(text("TRUNCATE llm_cache"))


@contextmanager
def observed(reader: Reader, engine: Engine, **settings: Any) -> Iterator[Observed]:
    """Give an agent that asks the reader over HTTP; its answers are kept in the engine's store."""
    with EndpointServer(reader) as server:
        own: dict[str, Any] = {"openai_api_key": "planted", "llm_concurrency": 64, **settings}
        auditor = OpenedForEach(agent(engine, server.url, "planted", **own))
        yield Observed(auditor, reader, server, engine)


@dataclass(frozen=True)
class OpenedForEach:
    """An auditor that is opened for each audit, so that audits may be in loops of their own."""

    open_auditor: OpenAuditor
    name: AuditorName = "agent"

    async def audit(self, *arguments: Any) -> Breakdown:
        async with self.open_auditor() as auditor:
            return await auditor.audit(*arguments)


def agent(engine: Engine, url: str | None, model: str | None, **settings: Any) -> OpenAuditor:
    """Return what opens the agent for an endpoint and a model; None: as the environment says."""
    named: dict[str, Any] = {"auditor": "agent", "llm_failure": "fail", **settings}
    if url:
        named["openai_base_url"] = url
    if model:
        named["model"] = model
    return partial(open_auditor, Settings(_env_file=None, **named), engine)


@contextmanager
def store() -> Iterator[Engine]:
    """Give a migrated store on a Postgres of its own, which is gone after the block."""
    with TemporaryDirectory() as folder:
        engine = engine_for(start_embedded_postgres(Path(folder) / "postgres"))
        migrate(engine)
        yield engine
        engine.dispose()


def sequential_depth(sent: Sequence[Sent], latency_s: float = LATENCY_S) -> int:
    """Return how many requests followed one another: the longest chain of which each began after
    the one before had been answered."""
    depth, answered_at = 0, float("-inf")
    for at in sorted(one.at for one in sent):
        if at >= answered_at:
            depth, answered_at = depth + 1, at + latency_s
    return depth
