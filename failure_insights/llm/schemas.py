"""JSON schemas as endpoints take them: the subset that every strict mode understands."""

import hashlib
import json
import re
from functools import cache
from typing import Any

from openai import pydantic_function_tool
from pydantic import BaseModel


@cache
def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the model's schema: all fields required, none besides them, no references.

    References and titles are left out because some endpoints do not follow the first, and every
    request would pay for the second.
    """
    tool = pydantic_function_tool(schema)
    parameters: Any = tool["function"]["parameters"]
    written: dict[str, Any] = _in_place(parameters, parameters.get("$defs", {}))
    return written


def schema_name(schema: type[BaseModel]) -> str:
    """Return the model's name as it is sent: `SecondVote` is `second_vote`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", schema.__name__).lower()


@cache
def schema_sha(schema: type[BaseModel]) -> str:
    """Return a hash that changes with what the schema asks for, for keys of kept answers."""
    written = json.dumps([schema_name(schema), strict_schema(schema)], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _in_place(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_in_place(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if reference := node.get("$ref"):
        return _in_place(definitions[reference.removeprefix("#/$defs/")], definitions)
    return {
        key: (
            {name: _in_place(field, definitions) for name, field in value.items()}
            if key == "properties"
            else _in_place(value, definitions)
        )
        for key, value in node.items()
        if key not in ("$defs", "title")
    }
