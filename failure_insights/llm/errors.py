"""Errors with which a question to the LLM ends. No message holds words of a call."""

from failure_insights.errors import FailureInsightsError


class LlmError(FailureInsightsError):
    """Base: the LLM gave no answer that can be used."""

    code = "llm_error"


class EndpointRefused(LlmError):
    """The endpoint will answer no request: its address, the key, the credit or the model is wrong.

    Codes: `llm_bad_address`, `llm_bad_key`, `llm_no_credit`, `llm_no_model`, `llm_redirect`.
    """

    code = "llm_refused"


class EndpointUnavailable(LlmError):
    """This request got no answer in its time and attempts; another one may."""

    code = "llm_unavailable"


class BudgetSpent(LlmError):
    """The audit's tokens or seconds are spent; nothing was sent."""

    code = "llm_budget_spent"


class ContextTooLong(LlmError):
    """The request holds more tokens than the model reads."""

    code = "llm_context_too_long"


class ToolsUnsupported(LlmError):
    """The endpoint's model cannot use tools."""

    code = "llm_no_tools"


class UnusableAnswer(LlmError):
    """The model answered, or refused to, and the value asked for cannot be made of it.

    `llm_filtered` is the code of a refusal by the model or a filter.
    """

    code = "llm_unusable_answer"
