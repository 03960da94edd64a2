"""Requests in the forms that endpoints know: how a schema, a tool or a correction is told."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from failure_insights.llm.capabilities import Shape
from failure_insights.llm.schemas import schema_name, strict_schema

T = TypeVar("T", bound=BaseModel)

IN_WORDS = (
    "\n\nAnswer with one JSON object and nothing else. It has to fit this JSON schema:\n{schema}"
)
CORRECTION = (
    "Your answer could not be used. {problem} Answer again, with one whole JSON object "
    "that fits the schema, and nothing else."
)
#: Characters of a wrong answer that are shown to the model again.
LONGEST_WRONG_ANSWER = 4_000


@dataclass(frozen=True)
class Message:
    """A question that needs no conversation: rules in `system`, what they apply to in `data`."""

    system: str
    data: str


@dataclass(frozen=True)
class Tool:
    """A tool that the model may use; `arguments` is the schema of what it is to be given."""

    name: str
    description: str
    arguments: type[BaseModel]


@dataclass(frozen=True)
class Question(Generic[T]):
    """A question whose answer has a schema."""

    message: Message
    schema: type[T]
    #: What was wrong with the answer before, and that answer.
    correction: tuple[str, str] | None = None

    def body(self, shape: Shape) -> dict[str, Any]:
        """Return the part of a request that asks for the schema in one of the forms."""
        name, schema = schema_name(self.schema), strict_schema(self.schema)
        if shape == "json_schema":
            inner = {"name": name, "strict": True, "schema": schema}
            asked: dict[str, Any] = {"response_format": {"type": shape, shape: inner}}
        elif shape == "tool":
            tool = Tool(name, "Gives the answer.", self.schema)
            asked = tool_body([tool], must_use=name)
        elif shape == "json_object":
            asked = {"response_format": {"type": shape}}
        else:
            asked = {}
        is_told = shape in ("json_object", "text")
        words = IN_WORDS.format(schema=json.dumps(schema, ensure_ascii=False)) if is_told else ""
        return {"messages": self._messages(words), **asked}

    def _messages(self, words: str) -> list[dict[str, str]]:
        messages = [
            {"role": "system", "content": self.message.system + words},
            {"role": "user", "content": self.message.data},
        ]
        if self.correction:
            problem, wrong = self.correction
            if wrong:
                messages.append({"role": "assistant", "content": wrong[:LONGEST_WRONG_ANSWER]})
            messages.append({"role": "user", "content": CORRECTION.format(problem=problem)})
        return messages


def tool_body(tools: Sequence[Tool], must_use: str | None) -> dict[str, Any]:
    """Return the part of a request that offers tools."""
    functions = [
        {
            "name": tool.name,
            "description": tool.description,
            "strict": True,
            "parameters": strict_schema(tool.arguments),
        }
        for tool in tools
    ]
    body: dict[str, Any] = {"tools": [{"type": "function", "function": f} for f in functions]}
    if must_use:
        body["tool_choice"] = {"type": "function", "function": {"name": must_use}}
    return body
