"""LLM endpoints: one client for every server that speaks OpenAI's chat completions."""

from failure_insights.llm.answer_parsing import read_answer
from failure_insights.llm.budget import Spending
from failure_insights.llm.capabilities import CapabilityMemory
from failure_insights.llm.client import Effort, Endpoint, endpoint_for
from failure_insights.llm.completion import AgentTurn, ToolUse
from failure_insights.llm.errors import (
    BudgetSpent,
    ContextTooLong,
    EndpointRefused,
    EndpointUnavailable,
    LlmError,
    ToolsUnsupported,
    UnusableAnswer,
)
from failure_insights.llm.requests import Message, Tool
from failure_insights.llm.schemas import schema_sha

__all__ = [
    "AgentTurn",
    "BudgetSpent",
    "CapabilityMemory",
    "ContextTooLong",
    "Effort",
    "Endpoint",
    "EndpointRefused",
    "EndpointUnavailable",
    "LlmError",
    "Message",
    "Spending",
    "Tool",
    "ToolUse",
    "ToolsUnsupported",
    "UnusableAnswer",
    "endpoint_for",
    "read_answer",
    "schema_sha",
]
