"""How fast the Insights page is.

`python -m failure_insights_tests.benchmarks.insights_page` prints the p50 and p95, in
milliseconds, of the page over HTTP on one connection, with all agents and with a view of half of
them; 50 cards, each with 200 past audits of six themes over a pool of 60 calls. Real Postgres,
real server in a process of its own. The server's CPU time a request is told too: on a machine that
does other work it says more than the latency.
"""

import argparse
import http.client
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import psutil
from sqlalchemy import Engine, text

from failure_insights_tests.ports import free_port

SEED = """
INSERT INTO projects (slug, name) VALUES ('shop', 'Shop');
INSERT INTO agents (project_id, name)
SELECT id, 'agent-' || n FROM projects, generate_series(1, 4) n;
INSERT INTO views (project_id, slug, name) SELECT id, 'half', 'Half' FROM projects;
INSERT INTO view_agents (view_id, agent_id, project_id)
SELECT v.id, a.id, a.project_id FROM views v JOIN agents a USING (project_id)
 WHERE a.name IN ('agent-1', 'agent-2');
INSERT INTO metrics (project_id, slug, name, type, description, is_eligible)
SELECT id, 'metric-' || n, 'Metric ' || n, 'llm_judge', 'Did it go as it should?', true
  FROM projects, generate_series(1, :cards) n;
INSERT INTO calls (project_id, agent_id, call_id, started_at, digest)
SELECT a.project_id, a.id, 'call-' || day || '-' || n,
       timestamptz '2026-11-24 06:00Z' - day * interval '1 day' - n * interval '1 minute', ''
  FROM generate_series(0, :audits - 1) day, generate_series(1, :pool) n
  JOIN agents a ON a.name = 'agent-' || (n % 4 + 1);
INSERT INTO metric_results (metric_id, call_pk, project_id, started_at, passed, explanation)
SELECT m.id, c.id, c.project_id, c.started_at, false, 'It did not.'
  FROM metrics m JOIN calls c USING (project_id) WHERE c.started_at > '2026-11-10Z';
INSERT INTO insights (project_metric, metric_id, metric_name, date, status, trigger, window_end,
                      window_days, num_failing_calls, num_calls_analyzed, auditor, dagster_run_id,
                      started_at, finished_at)
SELECT 'shop/' || m.slug, m.id, m.name, date '2026-11-23' - day, 'succeeded', 'schedule',
       timestamptz '2026-11-24 06:00Z' - day * interval '1 day', 1, :pool, 40, 'wording',
       'run-' || day, now(), now()
  FROM generate_series(:audits - 1, 0, -1) day, metrics m;
INSERT INTO themes (theme_id, project_metric, title, description, criterion, origin)
SELECT 'th_' || lpad(to_hex(m.id * 10 + n), 12, '0'), 'shop/' || m.slug,
       'The agent promises something that the shop does not do', 'A sentence or two.', '',
       'agent_knowledge'
  FROM metrics m, generate_series(1, 6) n;
INSERT INTO insight_themes (insight_id, position, theme_id, title, description, origin,
                            suggested_fix, status)
SELECT i.id, n, 'th_' || lpad(to_hex(i.metric_id * 10 + n), 12, '0'),
       'The agent promises something that the shop does not do (' || n || ')',
       'The caller asks for a refund, and the agent promises one that the policy does not allow.',
       'agent_knowledge', 'Tell the agent the refund policy, with its limits.', 'recurring'
  FROM insights i, generate_series(1, 6) n ORDER BY i.id, n;
INSERT INTO theme_history (theme_id, date, insight_id, count)
SELECT theme_id, i.date, i.id, :pool / 6 FROM insight_themes t JOIN insights i ON i.id = insight_id
 ORDER BY i.id, theme_id;
INSERT INTO insight_calls (insight_id, call_id, position, bucket)
SELECT i.id, 'call-' || (date '2026-11-23' - i.date) || '-' || n, n % 6 + 1, 'theme'
  FROM insights i, generate_series(1, :pool) n ORDER BY i.id, n;
INSERT INTO insight_evidence (insight_id, position, ordinal, call_id, turn, quote)
SELECT i.id, n % 6 + 1, n / 6 + 1, 'call-' || (date '2026-11-23' - i.date) || '-' || n, 3,
       'We will of course give you all of your money back.'
  FROM insights i, generate_series(1, 12) n ORDER BY i.id, n;
"""


def main() -> None:
    """Seed a store, serve it, and print the latencies."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cards", type=int, default=50)
    arguments.add_argument("--audits", type=int, default=200)
    arguments.add_argument("--pool", type=int, default=60)
    arguments.add_argument("--requests", type=int, default=200)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine, url = _store(Path(folder))
        sizes = {"cards": options.cards, "audits": options.audits, "pool": options.pool}
        _seed(engine, sizes)
        port = free_port()
        server = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(url, folder, port), daemon=True
        )
        server.start()
        cookie = _sign_in(folder, port)
        print(f"{sizes}, {options.requests} requests each")
        for name, path in {
            "all agents": "/?project=shop",
            "view": "/?project=shop&view=half",
        }.items():
            _measure(port, path, cookie, 5)
            process = psutil.Process(server.pid)
            before = process.cpu_times()
            times, size = _measure(port, path, cookie, options.requests)
            after = process.cpu_times()
            busy = after.user + after.system - before.user - before.system
            cuts = quantiles(times, n=100)
            print(
                f"{name:<11} p50 {cuts[49]:6.1f} ms  p95 {cuts[94]:6.1f} ms"
                f"  CPU {1000 * busy / options.requests:5.1f} ms  {size / 1e3:.0f} kB"
            )
        server.terminate()
        server.join()


def _store(folder: Path) -> tuple[Engine, str]:
    from failure_insights.store.database import engine_for
    from failure_insights.store.embedded import start_embedded_postgres
    from failure_insights.store.schema import migrate

    url = start_embedded_postgres(folder / "postgres")
    engine = engine_for(url)
    migrate(engine)
    return engine, url


def _seed(engine: Engine, sizes: dict[str, int]) -> None:
    with engine.begin() as connection:
        for statement in SEED.split(";\n"):
            if statement.strip():
                named = {key: value for key, value in sizes.items() if f":{key}" in statement}
                connection.execute(text(statement), named)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _serve(url: str, folder: str, port: int) -> None:
    import uvicorn

    os.environ |= {"FAILURE_INSIGHTS_DATABASE_URL": url, "FAILURE_INSIGHTS_HOME": folder}
    uvicorn.run("failure_insights.web.app:create_app", factory=True, port=port, log_level="error")


def _sign_in(folder: str, port: int) -> str:
    from failure_insights.settings import Settings
    from failure_insights.web.auth.sign_in_link import make_sign_in_link

    link = make_sign_in_link(Settings(home=Path(folder)), f"http://127.0.0.1:{port}")
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", urlsplit(link).path + "?" + urlsplit(link).query)
        except ConnectionRefusedError:
            time.sleep(0.1)
            continue
        answer = connection.getresponse()
        return (answer.headers["set-cookie"] or "").split(";")[0]


def _measure(port: int, path: str, cookie: str, requests: int) -> tuple[list[float], int]:
    """Return the milliseconds of each request, and the page's bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times, size = [], 0
    for _ in range(requests):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        size = len(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}")
        times.append(1000 * (time.perf_counter() - started))
    return times, size


if __name__ == "__main__":
    main()
