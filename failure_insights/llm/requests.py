"""Write the part of a request that asks for a value or offers tools."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from failure_insights.llm.capabilities import AnswerFormat
from failure_insights.llm.schemas import schema_name, strict_schema

T = TypeVar("T", bound=BaseModel)

SCHEMA_IN_WORDS = (
    "\n\nAnswer with one JSON object and nothing else. It has to fit this JSON schema:\n{schema}"
)
CORRECTION = (
    "Your answer could not be used. {problem} Answer again, with one whole JSON object "
    "that fits the schema, and nothing else."
)
#: Characters of a wrong answer that the model is shown again.
WRONG_ANSWER_CHARACTERS = 4_000


@dataclass(frozen=True)
class Message:
    """A question without a conversation: rules in `system`, what they apply to in `data`."""

    system: str
    data: str


@dataclass(frozen=True)
class Tool:
    """A tool that the model may use; `arguments` is the schema of its arguments."""

    name: str
    description: str
    arguments: type[BaseModel]


@dataclass(frozen=True)
class Correction:
    """A wrong answer, and what is wrong with it."""

    problem: str
    answer: str


@dataclass(frozen=True)
class Question(Generic[T]):
    """A question whose answer has a schema; asked again, with the correction of a wrong answer."""

    message: Message
    schema: type[T]
    correction: Correction | None = None

    def body(self, answer_format: AnswerFormat) -> dict[str, Any]:
        """Return the part of a request that asks for the schema in an answer format."""
        name, schema = schema_name(self.schema), strict_schema(self.schema)
        match answer_format:
            case "json_schema":
                inner = {"name": name, "strict": True, "schema": schema}
                wanted: dict[str, Any] = {
                    "response_format": {"type": "json_schema", "json_schema": inner}
                }
            case "tool":
                tool = Tool(name, "Gives the answer.", self.schema)
                wanted = tool_body([tool], must_use=name)
            case "json_object":
                wanted = {"response_format": {"type": "json_object"}}
            case "text":
                wanted = {}
        in_words = ""
        if answer_format in ("json_object", "text"):
            in_words = SCHEMA_IN_WORDS.format(schema=json.dumps(schema, ensure_ascii=False))
        return {"messages": self._messages(in_words), **wanted}

    def _messages(self, in_words: str) -> list[dict[str, str]]:
        messages = [
            {"role": "system", "content": self.message.system + in_words},
            {"role": "user", "content": self.message.data},
        ]
        if wrong := self.correction:
            if wrong.answer:
                shown = wrong.answer[:WRONG_ANSWER_CHARACTERS]
                messages.append({"role": "assistant", "content": shown})
            messages.append({"role": "user", "content": CORRECTION.format(problem=wrong.problem)})
        return messages


def tool_body(tools: Sequence[Tool], must_use: str | None) -> dict[str, Any]:
    """Return the part of a request that offers tools, one of which may be demanded by name."""
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
