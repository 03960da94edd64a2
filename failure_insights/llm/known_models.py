"""The table of model families: what each is known to reject, so that no first request fails.

What is not here is found out by asking, once a day; a row only saves that failing request. A row
that is wrong for some server costs little: a parameter less, or a looser answer format.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFamily:
    """Models whose name begins with `pattern`, apart from a provider's prefix.

    `rejects` are parameters that they answer with an error. `has_json_schema` is false where
    answers cannot be held to a schema.
    """

    pattern: str
    source: str
    rejects: frozenset[str] = frozenset()
    has_json_schema: bool = True


#: Looked at from the top; as of November 2026.
MODEL_FAMILIES: tuple[ModelFamily, ...] = (
    ModelFamily(
        r"(gpt-[5-9](?!.*chat)|o[1-9](-|$))",
        "github.com/QwenLM/qwen-code/issues/921: only temperature 1",
        rejects=frozenset({"temperature"}),
    ),
    ModelFamily(
        r"(gpt-4|gpt-3\.5)",
        "github.com/davidmigloz/langchain_dart/issues/712: they do not reason",
        rejects=frozenset({"reasoning_effort"}),
    ),
    ModelFamily(
        r"gemini",
        "github.com/mcpchecker/mcpchecker/pull/188, github.com/leookun/cursor-byok/issues/112",
        rejects=frozenset({"seed", "prompt_cache_key"}),
    ),
    ModelFamily(
        r"(mistral|ministral|mixtral|magistral|codestral|devstral)",
        "github.com/Gitlawb/openclaude/issues/739: max_tokens instead",
        rejects=frozenset({"max_completion_tokens"}),
    ),
    ModelFamily(
        r"deepseek-(chat|reasoner|v\d+-(pro|flash))$",
        "github.com/llm-exe/llm-exe/issues/662: json_object or tools instead",
        has_json_schema=False,
    ),
)


def family_of(model: str) -> ModelFamily | None:
    """Return the family of a model, such as `openai/gpt-5-mini`; None if it is not in the table."""
    name = model.rpartition("/")[2].lower()
    return next((family for family in MODEL_FAMILIES if re.match(family.pattern, name)), None)
