"""Sends a call as an agent of Pipecat does that `cekura.pipecat` traces: `FILE URL KEY`.

Run by `.ci/cekura_tracers` in a venv of its own, with Pipecat's real pipeline and aggregators. No
sound runs through it: the turns that the aggregators would end are ended here.
"""

import asyncio
import sys
from datetime import UTC, datetime

from cekura.pipecat import PipecatTracer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMContextAggregatorPair,
    UserTurnStoppedMessage,
)


async def main(url: str, key: str) -> None:
    # Traces go to an address of their own, which is Cekura's unless this is off.
    tracer = PipecatTracer(api_key=key, agent_id=2, host=url, enable_otel_traces=False)
    context = LLMContext()
    pair = LLMContextAggregatorPair(context)
    pipeline = Pipeline([pair.user(), pair.assistant()])
    tracer.observe_pipeline(
        pipeline, context, session_id="session-tracer", custom_metadata={"campaign": "spring"}
    )
    turns = tracer._transcript_capture
    now = datetime.now(UTC).isoformat()
    await turns.on_user_turn_stopped(UserTurnStoppedMessage("Can I come on Friday?", now))
    called = {"id": "f1", "type": "function"}
    called["function"] = {"name": "find_slots", "arguments": '{"day": "Fri"}'}
    for message in (
        {"role": "user", "content": "Can I come on Friday?"},
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "f1", "content": "[]"},
        {"role": "assistant", "content": "We are closed on Fridays."},
    ):
        context.add_message(message)
    spoken = AssistantTurnStoppedMessage("We are closed on Fridays.", False, now)
    await turns.on_assistant_turn_stopped(spoken)
    await tracer._finalize()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
