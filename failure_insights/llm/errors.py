"""How a question to the LLM can end without an answer. No message holds words of a call."""

from failure_insights.errors import FailureInsightsError


class LlmError(FailureInsightsError):
    """Base: the LLM gave no answer that can be used."""


class EndpointRefused(LlmError):
    """The endpoint will answer nothing: the key, the quota, the address or the model is wrong."""


class EndpointUnavailable(LlmError):
    """This request got no answer in its time and tries; another one may."""


class BudgetSpent(LlmError):
    """The audit's tokens or seconds are spent; nothing was sent."""


class ContextTooLong(LlmError):
    """The request holds more tokens than the model reads."""


class ToolsUnsupported(LlmError):
    """The endpoint's model cannot use tools."""


class UnusableAnswer(LlmError):
    """The model answered, or refused to, and nothing that was asked for can be made of it."""
