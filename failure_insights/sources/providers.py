"""The providers whose calls are read: `import --format` and the webhooks take these names."""

from collections.abc import Callable, Mapping
from typing import Any

from failure_insights.sources import (
    cekura,
    elevenlabs,
    langfuse,
    livekit,
    phoenix,
    pipecat,
    retell,
    vapi,
)
from failure_insights.sources.fields import NativeCall
from failure_insights.sources.reading import Losses

#: Each turns one call in the provider's own shape into an object of the native format.
PROVIDERS: Mapping[str, Callable[[Mapping[str, Any], Losses], NativeCall]] = {
    "cekura": cekura.read_call,
    "vapi": vapi.read_call,
    "retell": retell.read_call,
    "elevenlabs": elevenlabs.read_call,
    "livekit": livekit.read_call,
    "pipecat": pipecat.read_call,
    "langfuse": langfuse.read_call,
    "phoenix": phoenix.read_call,
}
