"""Run many audits at once: from stored pools to finished rows, whatever each one meets."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from queue import SimpleQueue
from threading import Thread
from traceback import format_tb

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from failure_insights.domain.auditing import Auditor
from failure_insights.domain.breakdown import Breakdown
from failure_insights.domain.identity import PriorTheme, settle_identity
from failure_insights.domain.pools import Pool, PoolRule
from failure_insights.errors import FailureInsightsError
from failure_insights.store import insights, queue
from failure_insights.store.pools import StoredCalls

#: Says why no LLM may be asked for an audit, as a sentence; None: one may.
Pause = Callable[["AuditTask"], str | None]
#: Opens an auditor in the running event loop; closes it, and what it holds, after the block.
OpenAuditor = Callable[[], AbstractAsyncContextManager[Auditor]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditTask:
    """One audit to run: its row, its pair, its day and its pool."""

    insight_id: int
    project_metric: str
    metric_id: int
    date: date
    pool: Pool
    max_calls: int | None = None


@dataclass(frozen=True, slots=True)
class AuditResult:
    """How an audit ended: with a breakdown, skipped (neither), or failed with its reason."""

    task: AuditTask
    breakdown: Breakdown | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class AuditRunner:
    """Runs audits over one store, at most `concurrency` at a time.

    `open_auditor` is called once a run, in the event loop of its audits: what it opens, such as
    connections to an LLM, is closed when the last of them has ended. `pause` is asked before each
    audit whether it may ask an LLM.
    """

    engine: Engine
    open_auditor: OpenAuditor
    rule: PoolRule
    concurrency: int
    pause: Pause = lambda _: None

    def run(self, tasks: Sequence[AuditTask]) -> Iterator[AuditResult]:
        """Yield each task's result as it comes; a task that fails stops no other.

        The audits have a thread and an event loop of their own, so that what the caller does
        with a result (Dagster's bookkeeping) keeps no request to an LLM waiting.
        """
        to_audit = [task for task in tasks if self._has_enough(task)]
        yield from self._skip([task for task in tasks if not self._has_enough(task)])
        results: SimpleQueue[AuditResult | None] = SimpleQueue()
        with _audit_loop() as loop:
            everything = asyncio.run_coroutine_threadsafe(
                self._run_all(to_audit, results.put), loop
            )
            # After the last result; or before, if what should report it has broken.
            everything.add_done_callback(lambda _: results.put(None))
            try:
                while result := results.get():
                    yield result
                everything.result()
            finally:
                everything.cancel()

    async def _run_all(
        self, tasks: Sequence[AuditTask], report: Callable[[AuditResult], None]
    ) -> None:
        days_of_pair: dict[str, list[AuditTask]] = defaultdict(list)
        for task in sorted(tasks, key=lambda task: task.date):
            days_of_pair[task.project_metric].append(task)
        limit = asyncio.Semaphore(self.concurrency)
        async with self.open_auditor() as auditor, asyncio.TaskGroup() as group:
            for days in days_of_pair.values():
                group.create_task(self._run_in_order(auditor, days, limit, report))

    async def _run_in_order(
        self,
        auditor: Auditor,
        tasks: Sequence[AuditTask],
        limit: asyncio.Semaphore,
        report: Callable[[AuditResult], None],
    ) -> None:
        """Audit a pair's days one after the other: each recognises the themes of those before."""
        for task in tasks:
            async with limit:
                report(await self._run_one(auditor, task))

    async def _run_one(self, auditor: Auditor, task: AuditTask) -> AuditResult:
        try:
            return await self._audit(auditor, task)
        except FailureInsightsError as error:
            reason = str(error)
        except SQLAlchemyError as error:
            # Its text would repeat the statement's values: words of transcripts.
            reason = f"The store refused the audit ({type(error).__name__})."
        except Exception as error:
            # Its text may repeat words of transcripts; the places where it was raised do not.
            kind = type(error).__name__
            places = "".join(format_tb(error.__traceback__))
            _log.error("An audit of %s met %s:\n%s", task.project_metric, kind, places)
            reason = f"The audit met an error of its own ({kind}); the run's log says where."
        try:
            await asyncio.to_thread(self._fail, task, reason)
        except SQLAlchemyError:
            _log.warning("The store could not be told that an audit failed; the run's end will.")
        return AuditResult(task, error=reason)

    async def _audit(self, auditor: Auditor, task: AuditTask) -> AuditResult:
        prior = await asyncio.to_thread(self._start, task)
        calls = StoredCalls(self.engine, task.metric_id, task.pool.window)
        if reason := await asyncio.to_thread(self.pause, task):
            auditor = auditor.paused(reason)
        breakdown = await auditor.audit(task.pool, calls, prior, task.max_calls)
        return AuditResult(task, await asyncio.to_thread(self._keep, task, breakdown))

    def _start(self, task: AuditTask) -> list[PriorTheme]:
        with self.engine.begin() as connection:
            queue.start(connection, task.insight_id)
            return insights.prior_themes(connection, task.project_metric, task.date)

    def _keep(self, task: AuditTask, breakdown: Breakdown) -> Breakdown:
        """Settle the identity of themes and causes and keep the breakdown, in one transaction."""
        with self.engine.begin() as connection:
            known = insights.known_themes(connection, task.project_metric, task.date)
            causes = insights.prior_causes(connection, task.metric_id, task.pool.window.date)
            settled = settle_identity(breakdown, known, task.project_metric, task.date, causes)
            insights.succeed(connection, task.insight_id, task.date, settled)
        return settled

    def _has_enough(self, task: AuditTask) -> bool:
        return self.rule.has_enough(len(task.pool.calls))

    def _skip(self, tasks: Sequence[AuditTask]) -> list[AuditResult]:
        """End the rows of pools that are too small: of a grid often the most, so all at once."""
        too_few = [
            insights.TooFew(t.insight_id, t.date, t.pool.window, len(t.pool.calls)) for t in tasks
        ]
        with self.engine.begin() as connection:
            insights.skip(connection, too_few)
        return [AuditResult(task) for task in tasks]

    def _fail(self, task: AuditTask, reason: str) -> None:
        with self.engine.begin() as connection:
            queue.fail(connection, [task.insight_id], reason)


@contextmanager
def _audit_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give a running event loop in a thread of its own; end its tasks and stop it after the block.

    Not anyio's blocking portal: a run that is cancelled while that starts waits for its thread for
    ever.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = Thread(target=loop.run_forever, name="audits", daemon=True)
        thread.start()
        try:
            yield loop
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
