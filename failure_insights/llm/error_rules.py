"""The table of error answers: how each server words an error, and what it means by it.

Rules are tried from the top; the first that matches decides. Every row has a sample, and a test
sends each sample through the table. To teach the client a new server, add a row with the body that
it sent.
"""

import re
from dataclasses import dataclass
from typing import Literal

Meaning = Literal[
    "no_credit",  # The account's quota or credit is used up.
    "bad_key",
    "no_model",  # No such model, or no chat completions at this address.
    "redirect",
    "too_long",  # The request is longer than the model reads.
    "filtered",  # A filter of the endpoint refused the request.
    "bad_output",  # The endpoint itself found the model's answer to be of the wrong form.
    "parameter",  # Of a parameter, which `PARAMETER_RULES` names.
]

#: Statuses with which servers refuse what a request says.
BAD_REQUEST = (400, 422)
ANY: tuple[int, ...] = ()


@dataclass(frozen=True)
class ErrorAnswer:
    """What is read of an error answer: `code` holds its code and type, `message` its head."""

    status: int
    code: str
    parameter: str
    message: str


@dataclass(frozen=True)
class Sample:
    """An error answer as the source sends it."""

    status: int
    body: str


@dataclass(frozen=True)
class ErrorRule:
    """One wording of an error.

    `code`, `parameter` and `message` are patterns for those parts of an `ErrorAnswer`; a rule
    without any is about the status alone.
    """

    meaning: Meaning
    source: str
    sample: Sample
    statuses: tuple[int, ...] = ANY
    code: str = ""
    parameter: str = ""
    message: str = ""

    def matches(self, error: ErrorAnswer) -> bool:
        """Return whether an error is worded so."""
        return (
            (not self.statuses or error.status in self.statuses)
            and _holds(self.code, error.code)
            and _holds(self.parameter, error.parameter)
            and _holds(self.message, error.message)
        )


def _holds(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None


def _body(message: str, code: str = "", type: str = "", param: str = "") -> str:
    """Return an error body as OpenAI and most others write it."""
    fields = {"message": message, "code": code, "type": type, "param": param}
    inner = ", ".join(f'"{name}": "{value}"' for name, value in fields.items() if value)
    return f'{{"error": {{{inner}}}}}'


#: What needs no look at the request's parameters.
ERROR_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        "redirect",
        "a proxy, or http:// for https://",
        Sample(307, ""),
        statuses=(301, 302, 303, 307, 308),
    ),
    ErrorRule(
        "no_credit",
        "DeepSeek, OpenRouter",
        Sample(402, _body("Insufficient Balance")),
        statuses=(402,),
    ),
    ErrorRule(
        "no_credit",
        "OpenAI",
        Sample(429, _body("You exceeded your current quota.", "insufficient_quota")),
        code=r"insufficient.?(quota|balance|credit|funds)|billing_(hard_limit|not_active)",
    ),
    ErrorRule(
        "bad_output",
        "Groq",
        Sample(400, _body("Failed to generate JSON.", "json_validate_failed")),
        code=r"json_validate_failed|tool_use_failed",
    ),
    ErrorRule(
        "too_long",
        "OpenAI",
        Sample(400, _body("Too much.", "context_length_exceeded")),
        code=r"context_length",
    ),
    ErrorRule(
        "too_long",
        "llama.cpp",
        Sample(500, _body("no room", type="exceed_context_size_error")),
        code=r"exceed_context|context_size",
    ),
    ErrorRule("too_long", "nginx", Sample(413, "Payload Too Large"), statuses=(413,)),
    ErrorRule(
        "too_long",
        "OpenAI: more than a minute's allowance",
        Sample(429, _body("Request too large for m on tokens per min (TPM): Limit 30000.")),
        statuses=(429,),
        message=r"^\W*request too large",
    ),
    ErrorRule(
        "filtered",
        "Azure OpenAI",
        Sample(400, _body("The response was filtered.", "content_filter")),
        statuses=(*BAD_REQUEST, 403),
        code=r"content.?(filter|policy|management)|moderation|invalid_prompt",
    ),
    ErrorRule(
        "filtered",
        "OpenRouter",
        Sample(403, _body("The model requires moderation and your input was flagged.")),
        statuses=(*BAD_REQUEST, 403),
        message=r"content.?(filter|policy|management)|moderation|invalid_prompt"
        r"|(input|prompt|content|request).{0,40}(flagged|safety)",
    ),
    # These speak of the context length too, but mean the output limit and not the prompt.
    ErrorRule(
        "parameter",
        "OpenAI",
        Sample(400, _body("It exceeds the model's maximum context length.", param="max_tokens")),
        statuses=(*BAD_REQUEST, 403),
        parameter=r"^max_(completion_)?tokens$",
    ),
    ErrorRule(
        "parameter",
        "vLLM",
        Sample(
            400, _body("max_completion_tokens is too large: 9. Its maximum context length is 8.")
        ),
        statuses=(*BAD_REQUEST, 403),
        message=r"^\W*max_(completion_)?tokens",
    ),
    ErrorRule(
        "too_long",
        "OpenAI, vLLM",
        Sample(400, _body("This model's maximum context length is 8192 tokens. You sent 9000.")),
        statuses=(*BAD_REQUEST, 403),
        message=r"context.?(length|window|size)",
    ),
    ErrorRule(
        "too_long",
        "vLLM",
        Sample(
            400, _body("The decoder prompt (40000) is longer than the maximum model length of 9.")
        ),
        statuses=(*BAD_REQUEST, 403),
        message=r"max_model_len|maximum.{0,20}(model|prompt|input).{0,10}length",
    ),
    ErrorRule(
        "too_long",
        "Anthropic",
        Sample(400, _body("prompt is too long: 205000 tokens > 200000 maximum")),
        statuses=(*BAD_REQUEST, 403),
        message=r"(prompt|input|request|messages?).{0,60}too (long|large)|too many (input )?tokens",
    ),
    ErrorRule(
        "too_long",
        "Gemini",
        Sample(400, _body("The input token count (9000) exceeds the maximum number of tokens.")),
        statuses=(*BAD_REQUEST, 403),
        message=r"exceeds?.{0,60}(tokens|context)",
    ),
    ErrorRule(
        "too_long",
        "Text Generation Inference",
        Sample(422, _body("`inputs` must be <= 4096. Reduce the length of the input.")),
        statuses=(*BAD_REQUEST, 403),
        message=r"reduce the length",
    ),
    ErrorRule(
        "no_model",
        "OpenAI",
        Sample(404, _body("The model `m` does not exist.", "model_not_found")),
        code=r"model_not_found",
    ),
)

#: What is meant where the error names none of the request's parameters.
FALLBACK_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        "no_model",
        "Ollama, LM Studio",
        Sample(400, _body("Model not found: m")),
        statuses=BAD_REQUEST,
        message=r"^\W*(the |requested |error:? ?)*("
        r"model\b.{0,100}(not.?found|not exist|not available|unknown)"
        r"|(unknown|invalid|no such|unsupported) model)",
    ),
    ErrorRule(
        "bad_key",
        "Gemini",
        Sample(400, _body("API key not valid. Please pass a valid API key.")),
        statuses=BAD_REQUEST,
        message=r"^\W*(the |your |an? )?((incorrect|invalid|missing|expired|wrong) )?api.?key",
    ),
    ErrorRule(
        "bad_key",
        "OpenAI",
        Sample(401, _body("Incorrect API key provided.", "invalid_api_key")),
        statuses=(401, 403),
    ),
    ErrorRule(
        "no_model",
        "a server without chat completions",
        Sample(404, "<html>Not Found</html>"),
        statuses=(404, 405),
    ),
)


@dataclass(frozen=True)
class ParameterRule:
    """How servers name a parameter of ours that they reject."""

    name: str
    pattern: str
    source: str
    sample: Sample


PARAMETER_RULES: tuple[ParameterRule, ...] = (
    ParameterRule(
        "temperature",
        r"temperature",
        "OpenAI's reasoning models (QwenLM/qwen-code#921)",
        Sample(400, _body("Unsupported value: 'temperature' does not support 0 with this model.")),
    ),
    ParameterRule(
        "seed",
        r"\bseed\b",
        "Gemini (Vali-98/ChatterUI#227)",
        Sample(400, _body("Invalid JSON payload received. Unknown name 'seed': no field.")),
    ),
    ParameterRule(
        "reasoning_effort",
        r"reasoning.?effort|\breasoning\b",
        "OpenAI's gpt-4o (davidmigloz/langchain_dart#712)",
        Sample(400, _body("Unrecognized request argument supplied: reasoning_effort")),
    ),
    ParameterRule(
        "max_completion_tokens",
        r"max_completion_tokens",
        "Mistral (Gitlawb/openclaude#739)",
        Sample(422, '{"detail": [{"type": "extra_forbidden", "loc": ["max_completion_tokens"]}]}'),
    ),
    ParameterRule(
        "max_tokens",
        r"\bmax_tokens\b",
        "OpenAI's reasoning models",
        Sample(400, _body("Unsupported parameter: 'max_tokens' is not supported.")),
    ),
    ParameterRule(
        "parallel_tool_calls",
        r"parallel.?tool.?calls",
        "OpenAI's o1",
        Sample(400, _body("Unsupported parameter: parallel_tool_calls")),
    ),
    ParameterRule(
        "prompt_cache_key",
        r"prompt_cache_key",
        "Gemini (leookun/cursor-byok#112)",
        Sample(400, _body("Invalid JSON payload received. Unknown name 'prompt_cache_key'.")),
    ),
    ParameterRule(
        "strict",
        r"\bstrict\b",
        "older vLLM",
        Sample(400, _body("Unsupported parameter: 'response_format.json_schema.strict'.")),
    ),
    ParameterRule(
        "tool_choice",
        r"tool.?choice",
        "DeepSeek",
        Sample(400, _body("tool_choice 'required' is not supported in thinking mode")),
    ),
    ParameterRule(
        "tools",
        r"\btools?\b|function.?call",
        "Ollama",
        Sample(400, _body("registry.ollama.ai/library/m does not support tools")),
    ),
    ParameterRule(
        "response_format",
        r"response.?format|json.?schema|json.?object|json.?mode|structured.?output",
        "DeepSeek (llm-exe/llm-exe#662)",
        Sample(400, _body("This response_format type is unavailable now")),
    ),
)
