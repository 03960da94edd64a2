"""Where the cause of a failure lies, and the words that people read for it."""

from collections.abc import Mapping
from typing import Literal

#: Where the fix of a failure belongs.
Cause = Literal[
    "agent_reasoning",
    "agent_action",
    "agent_instructions",
    "agent_knowledge",
    "tool_or_integration",
    "speech_or_transcription",
    "caller",
    "judge_or_metric",
]
#: Of a theme: `mixed`, its calls have several; `unclear`, nobody read a transcript.
Origin = Literal[Cause, "mixed", "unclear"]

#: `unclear` has no label: it says nothing that a reader could use.
ORIGIN_LABELS: Mapping[Origin, str] = {
    "agent_reasoning": "Agent's reasoning",
    "agent_action": "Step left out or only claimed",
    "agent_instructions": "Agent's instructions",
    "agent_knowledge": "Agent's knowledge",
    "tool_or_integration": "Tool or integration",
    "speech_or_transcription": "Speech or transcription",
    "caller": "Caller",
    "judge_or_metric": "Judge or metric",
    "mixed": "Mixed origin",
    "unclear": "",
}
