"""How fast one pair's pool of 24 hours is read from a table of 10 million metric results.

    python -m failure_insights_tests.benchmarks.pool_query [--rows 10000000] [--reads 1000]

100 projects of 20 metrics, 30 days; a fifth of the results failed. Projects differ in size as
customers do: the busiest has a fifth of all calls. Takes some minutes and 4 GB of disk.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from failure_insights.store.database import engine_for, query
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate

PROJECTS, METRICS, DAYS = 100, 20, 30
START = datetime(2026, 11, 1, 6, tzinfo=UTC)
TARGET_MS = 20

_SEED = """
SELECT setseed(0.5);
INSERT INTO projects (slug, name)
SELECT 'project-' || n, 'Project ' || n FROM generate_series(1, :projects) AS n;
INSERT INTO agents (project_id, name)
SELECT id, 'agent-' || n FROM projects, generate_series(1, 3) AS n;
INSERT INTO metrics (project_id, slug, name, type, is_eligible)
SELECT id, 'metric-' || n, 'Metric ' || n, 'llm_judge', true
  FROM projects, generate_series(1, :metrics) AS n;
INSERT INTO calls (project_id, agent_id, call_id, started_at, digest)
SELECT project, (project - 1) * 3 + 1 + n % 3, md5(n::text), started_at, ''
  FROM (SELECT n, 1 + floor(:projects * random() ^ 3)::int AS project,
               CAST(:start AS timestamptz) + n * (CAST(:span AS interval) / :calls) AS started_at
          FROM generate_series(0, :calls - 1) AS n) AS call;
ANALYZE;
INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, score, explanation)
SELECT metric.id, call.id, call.project_id, call.started_at, random() > 0.2, '3',
       repeat('The agent did not do what was asked. ', 4) || call.call_id
  FROM calls AS call JOIN metrics AS metric USING (project_id);
"""


@contextmanager
def without_indexes(connection: Connection, table: str) -> Iterator[None]:
    """Fill a table without its indexes and foreign keys' checks, and build the indexes after."""
    keys = connection.execute(
        text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = CAST(:table AS regclass) AND contype = 'p'"
        ),
        {"table": table},
    ).all()
    connection.execute(text("SET session_replication_role = replica"))
    for name, _ in keys:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    indexes = connection.execute(
        text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :table"),
        {"table": table},
    ).all()
    for name, _ in indexes:
        connection.execute(text(f"DROP INDEX {name}"))
    yield
    for name, definition in keys:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    for _, definition in indexes:
        connection.execute(text(definition))
    connection.execute(text("SET session_replication_role = origin"))


def seed(engine: Engine, rows: int) -> None:
    values = {
        "projects": PROJECTS,
        "metrics": METRICS,
        "calls": rows // METRICS,
        "start": START,
        "span": timedelta(days=DAYS),
    }
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET maintenance_work_mem = '512MB'"))
        with without_indexes(connection, "metric_results"):
            for statement in filter(str.strip, _SEED.split(";")):
                names = {name: value for name, value in values.items() if f":{name}" in statement}
                connection.execute(text(statement), names)
        connection.execute(text("VACUUM ANALYZE"))


def window(metric_id: int, day: int) -> dict[str, Sequence[object]]:
    """Return the pool query's parameters for one pair and the 24 hours of a day."""
    start = START + timedelta(days=day)
    return {"metric_ids": [metric_id], "starts": [start], "ends": [start + timedelta(days=1)]}


def read_often(connection: Connection, metric_ids: Sequence[int], reads: int) -> str:
    """Read random pools of these metrics and return what the times and sizes were."""
    rng = random.Random(1)
    took, sizes = [], []
    for _ in range(reads):
        values = window(rng.choice(metric_ids), rng.randrange(DAYS))
        started = time.perf_counter()
        pool = connection.execute(query("failing_calls"), values).all()
        took.append((time.perf_counter() - started) * 1000)
        sizes.append(len(pool))
    took.sort()
    p50, p95 = took[reads // 2], took[int(reads * 0.95)]
    return f"{sum(sizes) / reads:>9.1f} {p50:>8.2f} {p95:>8.2f} {took[-1]:>8.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--reads", type=int, default=1_000)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_for(start_embedded_postgres(Path(folder) / "postgres"))
        migrate(engine)
        started = time.perf_counter()
        seed(engine, options.rows)
        with engine.connect() as connection:
            by_size = connection.execute(
                text("SELECT metric_id FROM metric_results GROUP BY metric_id ORDER BY count(*)")
            )
            metric_ids = by_size.scalars().all()
            total = connection.execute(text("SELECT count(*) FROM metric_results")).scalar_one()
            print(f"{total:,} metric results in {time.perf_counter() - started:.0f} s")
            print(f"{'pairs':22} {'mean pool':>9} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}")
            for name, chosen in (
                ("all", metric_ids),
                ("of the busiest project", metric_ids[-METRICS:]),
            ):
                print(f"{name:22} {read_often(connection, chosen, options.reads)}", flush=True)
            print(f"(target: p95 of {TARGET_MS} ms)\n\nThe busiest pair:")
            explain = text(f"EXPLAIN (ANALYZE, BUFFERS) {query('failing_calls')}")
            for row in connection.execute(explain, window(metric_ids[-1], DAYS // 2)):
                print(row[0])
        engine.dispose()


if __name__ == "__main__":
    main()
