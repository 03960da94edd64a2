"""How fast calls are imported, and that memory stays flat however many there are.

    python -m failure_insights_tests.benchmarks.import_calls [CALLS ...]

Calls have 20 turns and 3 metric results. Each number of calls is imported twice by a process of
its own, from a file into an embedded Postgres; the second import finds nothing to write.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from failure_insights.ingest.import_calls import import_calls
from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate

TURNS = 20
WORDS = ("appointment", "tuesday", "calendar", "dentist", "number", "please", "you", "the", "not")


def write_calls(path: Path, calls: int) -> None:
    """Write a file of calls as agents have them: about 15 words a turn."""
    rng = random.Random(1)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    with path.open("w") as file:
        for number in range(calls):
            line = {
                "call_id": f"call-{number:08}",
                "project": f"Project {number % 5}",
                "agent": f"agent-{number % 20}",
                "started_at": (start + timedelta(seconds=number)).isoformat(),
                "duration_s": 90.5,
                "metadata": {"campaign": "spring"},
                "transcript": [
                    {
                        "role": "user" if turn % 2 else "agent",
                        "content": " ".join(rng.choices(WORDS, k=15)),
                        "start_s": turn * 4.5,
                    }
                    for turn in range(TURNS)
                ],
                "metrics": [
                    {
                        "name": f"Metric {metric}",
                        "passed": rng.random() < 0.8,
                        "explanation": " ".join(rng.choices(WORDS, k=30)),
                    }
                    for metric in range(3)
                ],
            }
            file.write(json.dumps(line) + "\n")


def import_twice(url: str, path: Path) -> None:
    """Import a file twice; print the rates and the most memory that this process had."""
    engine = engine_for(url)
    rates = []
    for _ in range(2):
        started = time.perf_counter()
        with path.open("rb") as file:
            report = import_calls(engine, file)
        calls = report.new + report.unchanged
        rates.append(calls / (time.perf_counter() - started))
    assert (report.new, report.rejected) == (0, 0)
    # Linux. getrusage will not do: its peak includes that of the process that started this one.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(
        f"{calls:>8,} {rates[0]:>10,.0f} {rates[1]:>10,.0f} {int(peak) / 1024:>9,.0f}", flush=True
    )


def main(sizes: list[int]) -> None:
    print(f"{'calls':>8} {'new/s':>10} {'again/s':>10} {'peak MiB':>9}", flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            url = start_embedded_postgres(Path(folder) / "postgres")
            migrate(engine_for(url))
            engine_for(url).dispose()
            path = Path(folder) / "calls.jsonl"
            write_calls(path, size)
            # A process of its own, so that its peak is the import's.
            importer = [sys.executable, "-m", __spec__.name, "--import", url, str(path)]
            subprocess.run(importer, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--import"]:
        import_twice(sys.argv[2], Path(sys.argv[3]))
    else:
        main([int(size) for size in sys.argv[1:]] or [5_000, 20_000])
