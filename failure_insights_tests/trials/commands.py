"""Running `failure-insights` as a user does: as a process of its own, with its own environment."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

#: The settings of whoever runs the tests are not the tests'.
_FOREIGN = ("FAILURE_INSIGHTS_", "OPENAI_", "DAGSTER_")
COMMAND = [sys.executable, "-m", "failure_insights"]


def environment_of(home: Path, **settings: str) -> dict[str, str]:
    """Return an environment with these settings and no others of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    ours = {f"FAILURE_INSIGHTS_{name.upper()}": value for name, value in settings.items()}
    return {**kept, "FAILURE_INSIGHTS_HOME": str(home), "COLUMNS": "80", **ours}


def command(
    environment: Mapping[str, str],
    *words: str,
    given: str | bytes = b"",
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, away from the checkout; `given` is its standard input."""
    done = subprocess.run(
        [*COMMAND, *words],
        input=given.encode() if isinstance(given, str) else given,
        env=dict(environment),
        cwd=folder or "/",
        capture_output=True,
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def codes_of(stderr: str) -> list[str]:
    """Return the codes of the errors that a command printed, in their order."""
    return re.findall(r"^failure-insights: .* \[(\w+)\]$", stderr, re.MULTILINE)
