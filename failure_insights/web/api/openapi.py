"""The OpenAPI document: FastAPI's, with every error as the problem that it is."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from failure_insights.web.api.call_models import CallBody
from failure_insights.web.api.models import Problem
from failure_insights.web.problems import PROBLEM

#: What any endpoint of the API may answer.
ERRORS = {
    "401": "No API key that is in force.",
    "404": "Unknown, or another key's.",
    "413": "The body is too large.",
    "422": "Bad input, with the reason.",
    "429": "Too many requests with this key; `Retry-After` says when to go on.",
    "503": "The database does not answer.",
}


def describe(app: FastAPI) -> None:
    """Have the app's OpenAPI document show problems, and only the errors that happen."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            schemas = document["components"]["schemas"]
            schemas["Problem"] = Problem.model_json_schema()
            schemas |= _schemas_of(CallBody)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _show_problems(path, operation)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schemas of a body that no route reads as a model, since it is streamed."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {model.__name__: schema, **schema.pop("$defs", {})}


def _show_problems(path: str, operation: dict[str, Any]) -> None:
    reference = {"$ref": "#/components/schemas/Problem"}
    guarded = path.startswith(("/api/", "/observability/"))
    operation["responses"].pop("422", None)
    for status, description in ERRORS.items():
        if guarded or status == "503":
            content = {PROBLEM: {"schema": reference}}
            operation["responses"][status] = {"description": description, "content": content}
    # A key is one header or the other, not both.
    if guarded:
        operation["security"] = [{"HTTPBearer": []}, {"APIKeyHeader": []}]
