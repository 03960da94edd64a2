"""The docs page: the OpenAPI document as a page of ours, since a viewer from a CDN would need
the internet and run a stranger's script beside the dashboard."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from failure_insights.web.api.openapi import ERRORS
from failure_insights.web.pages.html import render_html

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Every endpoint with its fields, an example and its answers."""
    document = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            entry = _entry(document, str(request.base_url), path, method, operation)
            groups.setdefault(operation["tags"][0], []).append(entry)
    return render_html(request, "docs.html", document=document, groups=groups, errors=ERRORS)


def _entry(
    document: Mapping[str, Any], base: str, path: str, method: str, operation: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the page says of one endpoint; errors, alike for all, are said once."""
    parameters = [
        {
            "name": parameter["name"],
            "where": parameter["in"],
            "says": parameter.get("description") or parameter["schema"].get("description", ""),
        }
        for parameter in operation.get("parameters", [])
    ]
    answers = {s: a for s, a in sorted(operation["responses"].items()) if s not in ERRORS}
    body = _example(document, operation.get("requestBody", {}))
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "says": operation.get("description", ""),
        "parameters": parameters,
        "curl": _curl(
            base.rstrip("/") + path, method.upper(), body, bool(operation.get("security"))
        ),
        "answers": [
            {"status": status, "says": answer["description"]} for status, answer in answers.items()
        ],
        "answer": _example(document, next(iter(answers.values()))),
    }


def _curl(address: str, method: str, example: object, needs_key: bool) -> str:
    lines = [f"curl -X {method} '{address}'"]
    if needs_key:
        lines.append('-H "Authorization: Bearer $API_KEY"')
    if example is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(example, indent=2)}'"]
    return " \\\n  ".join(lines)


def _example(document: Mapping[str, Any], holder: Mapping[str, Any]) -> object:
    """Return the example of a body or an answer, or None where there is none."""
    content = holder.get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return content.get("example", next(iter(schema.get("examples", [])), None))
