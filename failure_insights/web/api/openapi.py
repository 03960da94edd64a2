"""Complete FastAPI's OpenAPI document: examples, and every error as the problem that it is."""

import json
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import TypeAdapter

from failure_insights.web.api.answer_models import Problem
from failure_insights.web.api.examples import EXAMPLES
from failure_insights.web.api.problems import PROBLEM
from failure_insights.web.api.request_models import CallBody, ObserveBody

#: What any endpoint of the API may answer.
ERRORS = {
    "401": "No API key that is in force.",
    "404": "Unknown, or another key's.",
    "413": "The body is too large.",
    "422": "Bad input, with the reason.",
    "429": "Too many requests with this key; `Retry-After` says when to go on.",
    "503": "The database does not answer.",
}

_SCHEMAS = "#/components/schemas/"


def describe(app: FastAPI) -> None:
    """Have the app's OpenAPI document show examples, problems, and only errors that occur."""
    make_document = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(make_document())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    # Bodies that no route reads as a model, since one is streamed and one may be a form, and the
    # answer of no route.
    for model in (CallBody, ObserveBody, Problem):
        schema = TypeAdapter(model).json_schema(ref_template=_SCHEMAS + "{model}")
        schemas |= {model.__name__: schema, **schema.pop("$defs", {})}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model, example in EXAMPLES.items():
        dumped = orjson.dumps(example, option=orjson.OPT_UTC_Z)
        schemas[model.__name__]["examples"] = [orjson.loads(dumped)]
    for operations in document["paths"].values():
        for operation in operations.values():
            _show_problems(operation)
    return _without_suffix(document)


def _show_problems(operation: dict[str, Any]) -> None:
    """Replace FastAPI's errors of an operation by ours."""
    is_guarded = "security" in operation
    operation["responses"].pop("422", None)
    for status, description in ERRORS.items():
        if is_guarded or status == "503":
            content = {PROBLEM: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
            operation["responses"][status] = {"description": description, "content": content}
    # A key is one header or the other, not both; a signed delivery needs none.
    if operation.get("security"):
        operation["security"] = [{"HTTPBearer": []}, {"APIKeyHeader": []}]


def _without_suffix(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with InsightRow as Insight: a row is our word, not a client's."""
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for name in filter(lambda name: name.endswith("Row"), schemas):
        text = text.replace(f'"{_SCHEMAS}{name}"', f'"{_SCHEMAS}{name.removesuffix("Row")}"')
    renamed: dict[str, Any] = json.loads(text)
    renamed["components"]["schemas"] = {
        name.removesuffix("Row"): {**schema, "title": schema["title"].removesuffix("Row")}
        for name, schema in renamed["components"]["schemas"].items()
    }
    return renamed
