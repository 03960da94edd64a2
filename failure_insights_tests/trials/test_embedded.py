"""The embedded Postgres stops with the last process that uses it, and starts after any end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from failure_insights.errors import DatabaseUnreachable
from failure_insights.store.embedded import server_process, start_embedded_postgres

pytestmark = pytest.mark.slow

USES = """
import os, signal, sys
from pathlib import Path
from failure_insights.store.embedded import start_embedded_postgres
start_embedded_postgres(Path(sys.argv[1]))
if len(sys.argv) > 2:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def use(folder: Path, *killed: str) -> None:
    subprocess.run([sys.executable, "-c", USES, str(folder), *killed], check=False, timeout=60)


def test_a_killed_process_does_not_keep_the_server_on_for_ever(home: Path) -> None:
    use(home, "killed")
    server = server_process(home)
    assert server
    assert server.is_running()
    use(home)
    assert server_process(home) is None


def test_a_server_starts_though_its_old_number_is_another_process_s(home: Path) -> None:
    use(home, "killed")
    server = server_process(home)
    assert server
    notes = (home / "postmaster.pid").read_text()
    os.kill(server.pid, signal.SIGKILL)
    server.wait(20)
    # As after a restart of the machine, when the number is given again.
    ours = notes.replace(str(server.pid), str(os.getpid()), 1)
    (home / "postmaster.pid").write_text(ours)
    use(home, "killed")
    again = server_process(home)
    assert again
    use(home)
    assert server_process(home) is None


def test_a_folder_that_is_no_server_s_is_refused_with_its_log(home: Path) -> None:
    (home / "PG_VERSION").write_text("18\n")
    with pytest.raises(DatabaseUnreachable) as refused:
        start_embedded_postgres(home)
    assert refused.value.code == "embedded_postgres_failed"
    assert str(home / "log") in str(refused.value)
