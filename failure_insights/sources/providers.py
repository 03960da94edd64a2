"""The providers whose calls are read: `import --format` and the webhook take these names."""

from collections.abc import Callable, Mapping
from typing import Any

from failure_insights.sources import cekura, elevenlabs, livekit, pipecat, retell, vapi
from failure_insights.sources.fields import NativeCall

#: Each reader turns one call in the provider's own shape into a line of the native format.
PROVIDERS: Mapping[str, Callable[[Mapping[str, Any]], NativeCall]] = {
    "cekura": cekura.read_call,
    "vapi": vapi.read_call,
    "retell": retell.read_call,
    "elevenlabs": elevenlabs.read_call,
    "livekit": livekit.read_call,
    "pipecat": pipecat.read_call,
}
