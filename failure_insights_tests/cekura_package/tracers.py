"""Checks calls that the tracers of the `cekura` package send: `tracers.py LIVEKIT_PYTHON
PIPECAT_PYTHON`, each the interpreter of a venv that has the tracer. See `.ci/cekura_tracers`."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from failure_insights.settings import Settings
from failure_insights.store.database import engine_for
from failure_insights.store.embedded import start_embedded_postgres
from failure_insights.store.schema import migrate
from failure_insights_tests.conftest import folder_for_a_server
from failure_insights_tests.web.api_site import site_of
from failure_insights_tests.web.browsing import serving

#: Each tracer's script, the ID that its call has, and the agent whose ID it names.
TRACERS: Mapping[str, tuple[str, str]] = {
    "livekit_call.py": ("RM_tracer", "front-desk"),
    "pipecat_call.py": ("session-tracer", "night-line"),
}
SAID = [
    ("user", "Can I come on Friday?", None),
    ("tool_call", '{"day": "Fri"}', "find_slots"),
    ("tool_result", "[]", "find_slots"),
    ("agent", "We are closed on Fridays.", None),
]


def main(*pythons: str) -> None:
    engine = engine_for(start_embedded_postgres(folder_for_a_server() / "postgres"))
    migrate(engine)
    site = site_of(engine)
    with serving(engine, Settings()) as server:
        for python, (script, (call_id, agent)) in zip(pythons, TRACERS.items(), strict=True):
            path = Path(__file__).with_name(script)
            subprocess.run(
                [python, str(path), server.url, site.keys["clinic"]],
                check=True,
                capture_output=True,
                timeout=120,
            )
            call: dict[str, Any] = site.get(f"/api/projects/clinic/calls/{call_id}").json()
            turns = [(t["role"], t["content"], t.get("tool_name")) for t in call["transcript"]]
            assert turns == SAID, turns
            assert (call["agent"], call["metadata"]) == (agent, {"campaign": "spring"}), call
            print(f"{script}: the call came in right")


if __name__ == "__main__":
    main(*sys.argv[1:])
