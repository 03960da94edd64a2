"""Write JSON schemas in the subset that every strict mode understands."""

import hashlib
import json
import re
from functools import cache
from typing import Any

from pydantic import BaseModel

#: Left out: some endpoints do not follow references, and every request would pay for the rest.
_LEFT_OUT = ("$defs", "title", "default")


@cache
def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the model's schema: all fields required, no others allowed, no references.

    That is what OpenAI's strict mode asks for:
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
    """
    whole = schema.model_json_schema()
    strict: dict[str, Any] = _strict(whole, whole.get("$defs", {}))
    return strict


def schema_name(schema: type[BaseModel]) -> str:
    """Return the model's name as it is sent: `SecondVote` is `second_vote`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", schema.__name__).lower()


@cache
def schema_sha(schema: type[BaseModel]) -> str:
    """Return a hash that changes with what the schema asks for, for keys of cached answers."""
    written = json.dumps([schema_name(schema), strict_schema(schema)], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _strict(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_strict(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if reference := node.get("$ref"):
        return _strict(definitions[reference.removeprefix("#/$defs/")], definitions)
    strict = {
        key: _strict(value, definitions)
        for key, value in node.items()
        if key not in _LEFT_OUT and key != "properties"
    }
    if "properties" in node:
        strict["properties"] = {
            name: _strict(field, definitions) for name, field in node["properties"].items()
        }
        strict["required"] = list(node["properties"])
        strict["additionalProperties"] = False
    return strict
