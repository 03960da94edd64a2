"""What the grid costs without audit work.

`python -m failure_insights_tests.benchmarks.bookkeeping` prints milliseconds a pair.

All that is measured is ours and Dagster's: planning the run's events, reading pools, keeping
sets and rows, reporting materializations; once with pools that have nothing to audit, and once
with three failing calls a pair and an auditor that answers at once, whose themes are stored. Real
Postgres, real Dagster with the project's own dagster.yaml.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, text

DAY = date(2026, 11, 20)

SEED = """
WITH p AS (
  INSERT INTO projects (slug, name)
  SELECT 'project-' || n, 'Project ' || n FROM generate_series(1, :pairs / 10) AS n
  RETURNING id
), a AS (
  INSERT INTO agents (project_id, name) SELECT id, 'agent' FROM p RETURNING id, project_id
), m AS (
  INSERT INTO metrics (project_id, slug, name, type, is_eligible)
  SELECT id, 'metric-' || n, 'Metric ' || n, 'llm_judge', true
    FROM p, generate_series(1, 10) AS n
  RETURNING id, project_id
), c AS (
  INSERT INTO calls (project_id, agent_id, call_id, started_at, digest)
  SELECT project_id, id, 'call-' || n, '2026-11-20 12:00Z'::timestamptz + n * interval '1 min', ''
    FROM a, generate_series(1, :failing) AS n
  RETURNING id, project_id, started_at
)
INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, explanation)
SELECT m.id, c.id, c.project_id, c.started_at, false, 'It failed.'
  FROM m JOIN c USING (project_id)
"""


def main() -> None:
    """Print milliseconds a pair at each size, and beside it one run a pair on a few."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--pairs", type=int, nargs="+", default=[100, 1000, 5000])
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.one:
        _run([options.one], 1)
        return
    with tempfile.TemporaryDirectory() as folder:
        _prepare(Path(folder))
        _run(_grid(10, 3), 10)  # imports and first connections are not the grid's
        print("                 nothing to audit      themes stored")
        print(" pairs  runs  seconds  ms a pair  seconds  ms a pair")
        for pairs in options.pairs:
            line = f"{pairs:>6}"
            for failing in (0, 3):
                keys = _grid(pairs, failing)
                runs, seconds = _run(keys, 1000)
                line += f" {runs:>5}" if not failing else ""
                line += f" {seconds:>8.2f} {1000 * seconds / pairs:>10.2f}"
            print(line, flush=True)
        _one_run_a_pair(keys[:5])


def _prepare(folder: Path) -> None:
    from failure_insights.store.embedded import start_embedded_postgres

    os.environ["FAILURE_INSIGHTS_HOME"] = str(folder)
    os.environ["FAILURE_INSIGHTS_DATABASE_URL"] = start_embedded_postgres(folder / "postgres")
    os.environ["FAILURE_INSIGHTS_AUDITOR"] = "wording"
    os.environ.pop("DAGSTER_HOME", None)


def _grid(pairs: int, failing: int) -> list[str]:
    """Make a store of so many pairs and failing calls a pair, and its partitions' keys."""
    from failure_insights.orchestration.home import dagster_instance
    from failure_insights.orchestration.sync_grid import sync_pairs

    engine = _engine()
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE projects, insights, themes CASCADE"))
        connection.execute(text(SEED), {"pairs": pairs, "failing": failing})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    with dagster_instance() as instance:
        return sync_pairs(instance, engine)


def _engine() -> Engine:
    from failure_insights.settings import get_settings
    from failure_insights.store.opening import open_store

    settings = get_settings()
    return open_store(settings.database_url, settings.home)


def _run(keys: Sequence[str], pairs_per_run: int) -> tuple[int, float]:
    """Run the grid in chunks, in this process; return how many runs it took, and seconds.

    Seconds are of the runs alone, from their creation to their end: a process that starts, and
    the instance and job that it loads once, are measured by one run a pair.
    """
    import dagster as dg

    from failure_insights.audit.run_audits import OpenAuditor
    from failure_insights.definitions import defs
    from failure_insights.domain.breakdown import Breakdown, FailureMode
    from failure_insights.orchestration.home import dagster_instance
    from failure_insights.orchestration.resources import AuditorResource
    from failure_insights.orchestration.runs import grid_runs

    class AtOnce:
        name = "wording"

        async def audit(self, pool, calls, prior_themes, max_calls):  # type: ignore[no-untyped-def]
            mode = FailureMode("They all failed", "", pool.call_ids, terms={"failed": 1.0})
            return Breakdown(pool, (mode,), "wording")

    class AtOnceResource(AuditorResource):
        def auditor(self, engine: Engine) -> OpenAuditor:
            return partial(nullcontext, AtOnce())

    resources = dict(defs.resources or {}) | {"auditor": AtOnceResource()}
    job = dg.Definitions(
        assets=defs.assets, jobs=defs.jobs, resources=resources, executor=defs.executor
    ).resolve_job_def("audit")
    runs = 0
    with dagster_instance() as instance:
        started = time.perf_counter()
        for request in grid_runs(DAY, keys, keys, pairs_per_run):
            result = job.execute_in_process(instance=instance, tags=dict(request.tags))
            assert result.success
            runs += 1
        return runs, time.perf_counter() - started


def _one_run_a_pair(keys: Sequence[str]) -> None:
    started = time.perf_counter()
    for key in keys:
        command = [sys.executable, "-m", __spec__.name, "--one", key]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    each = (time.perf_counter() - started) / len(keys)
    print(f"One run and process a pair, {len(keys)} pairs: {1000 * each:.0f} ms a pair")


if __name__ == "__main__":
    main()
