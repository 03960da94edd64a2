"""Do the providers' own SDKs accept what our fixtures hold?

Retell's and ElevenLabs' are among the test requirements. Vapi's wants an older pydantic than ours,
and LiveKit's and Pipecat's are large; with them in an environment of their own, this is run by
hand when fixtures change:

    pip install vapi_server_sdk retell-sdk elevenlabs livekit-agents openai
    python -m failure_insights_tests.sources.sdk_types
"""

import importlib
import sys
from typing import Any

from failure_insights_tests.sources.fixtures import FIXTURES, Fixture


def require_accepted(fixture: Fixture) -> None:
    """Raise what the SDK's class raises, if it does not accept the fixture's payload."""
    path, _, field = str(fixture.sdk).partition(":")
    value: Any = fixture.payload[field] if field else fixture.payload
    match path:
        case "livekit":
            importlib.import_module("livekit.agents.llm").ChatContext.from_dict(value)
        # Pipecat's messages are OpenAI's.
        case "openai":
            adapter = importlib.import_module("pydantic").TypeAdapter
            message = importlib.import_module("openai.types.chat").ChatCompletionMessageParam
            adapter(list[message]).validate_python(value)
        case _:
            module, _, name = path.rpartition(".")
            getattr(importlib.import_module(module), name).model_validate(value)


def main() -> int:
    failures = 0
    for fixture in FIXTURES:
        if fixture.sdk is None:
            continue
        try:
            require_accepted(fixture)
            print(f"accepted  {fixture}  {fixture.sdk}")
        except Exception as error:
            failures += 1
            print(f"REFUSED   {fixture}  {fixture.sdk}\n{error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
