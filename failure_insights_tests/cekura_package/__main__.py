"""`python -m failure_insights_tests.cekura_package` prints which calls of the package work here."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cekura import ServerError

from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate
from failure_insights_tests.cekura_package.steps import NOT_DONE, STEPS, World, world
from failure_insights_tests.conftest import folder_for_a_server


def main() -> int:
    """Print a row a call; return how many do not work."""
    folder = folder_for_a_server()
    engine = engine_for(start_embedded_postgres(folder / "postgres"))
    migrate(engine)
    failed = 0
    print(f"{'call':<32} {'SDK':<6} command line")
    with tempfile.TemporaryDirectory() as home, world(engine, Path(home)) as running:
        for step in STEPS:
            ways = [_works(step.holds, running, lambda step=step: step.sdk(running))]
            if step.command:
                words = step.command
                ways.append(
                    _works(step.holds, running, lambda words=words: running.run(*words(running)))
                )
            failed += ways.count("FAILS")
            print(f"{step.name:<32} {ways[0]:<6} {ways[1] if step.command else 'has none'}")
        for name, call, _ in NOT_DONE:
            try:
                call(running.sdk)
            except ServerError as refused:
                print(f"{name:<32} {refused.status_code}    {refused.response_body['detail']}")
    return failed


def _works(holds: Callable[[Any, World], object], running: World, call: Callable[[], Any]) -> str:
    try:
        return "works" if holds(call(), running) else "FAILS"
    except Exception as error:
        print(f"  {type(error).__name__}: {str(error)[:200]}")
        return "FAILS"


if __name__ == "__main__":
    sys.exit(main())
