"""Talk to LLM endpoints: one client for every server that speaks OpenAI's chat completions."""

from failure_insights.llm.answer_parsing import read_answer
from failure_insights.llm.budget import Budget
from failure_insights.llm.capabilities import CapabilityMemory
from failure_insights.llm.client import Effort, Endpoint, open_endpoint
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
from failure_insights.llm.prices import Prices, load_prices, shipped_prices, total_cost
from failure_insights.llm.requests import Message, Tool
from failure_insights.llm.schemas import schema_sha

__all__ = [
    "AgentTurn",
    "Budget",
    "BudgetSpent",
    "CapabilityMemory",
    "ContextTooLong",
    "Effort",
    "Endpoint",
    "EndpointRefused",
    "EndpointUnavailable",
    "LlmError",
    "Message",
    "Prices",
    "Tool",
    "ToolUse",
    "ToolsUnsupported",
    "UnusableAnswer",
    "load_prices",
    "open_endpoint",
    "read_answer",
    "schema_sha",
    "shipped_prices",
    "total_cost",
]
