"""Sends a call as an agent of LiveKit does that `cekura.livekit` traces: `FILE URL KEY`.

Run by `.ci/cekura_tracers` in a venv of its own, with LiveKit's real session, history and report.
There is no room: its part of the job is made here.
"""

import asyncio
import sys
from types import SimpleNamespace

from cekura.livekit import LiveKitTracer
from livekit.agents import AgentSession
from livekit.agents.llm import FunctionCall, FunctionCallOutput
from livekit.agents.voice.report import SessionReport


class Job:
    """The part of a LiveKit job that the tracer uses."""

    def __init__(self, session: AgentSession) -> None:
        self.session = session
        self.shutdown = []
        self.room = SimpleNamespace(name="room-1", sid=_result("RM_tracer"))
        self.job = SimpleNamespace(id="AJ_1", enable_recording=False)

    def add_shutdown_callback(self, callback) -> None:
        self.shutdown.append(callback)

    def make_session_report(self) -> SessionReport:
        return SessionReport(
            job_id="AJ_1",
            room_id="RM_tracer",
            room="room-1",
            options=self.session.options,
            events=[],
            chat_history=self.session.history.copy(),
        )


async def _result(value: str) -> str:
    return value


async def main(url: str, key: str) -> None:
    # Traces go to an address of their own, which is Cekura's unless this is off.
    tracer = LiveKitTracer(api_key=key, agent_id=1, host=url, enable_otel_traces=False)
    session = AgentSession()
    job = Job(session)
    await tracer.observe_session(job, session, campaign="spring")
    history = session.history
    history.add_message(role="user", content="Can I come on Friday?")
    history.items.append(FunctionCall(call_id="f1", name="find_slots", arguments='{"day": "Fri"}'))
    history.items.append(
        FunctionCallOutput(call_id="f1", name="find_slots", output="[]", is_error=False)
    )
    history.add_message(role="assistant", content="We are closed on Fridays.")
    for callback in job.shutdown:
        await callback()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
