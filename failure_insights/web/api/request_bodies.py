"""One object out of a request's body: JSON, or a form as `curl -F` sends it."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from failure_insights.errors import BadInput
from failure_insights.sources.json_text import parse
from failure_insights.sources.reading import shown

_MULTIPART = "multipart/form-data"
_URL_ENCODED = "application/x-www-form-urlencoded"
#: A form of one call; its transcript is one field.
_MAX_FIELDS = 100


async def object_of_body(request: Request) -> Mapping[str, Any]:
    """Return the object of the body; whatever the type that a provider declares, JSON is read.

    Raises:
        BadInput: it is neither JSON of an object nor a form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _MULTIPART:
        return await _object_of_form(request)
    body = (await request.body()).removeprefix(b"\xef\xbb\xbf")
    # curl calls everything a form that `-d` sends, JSON too.
    if kind == _URL_ENCODED and not body.lstrip().startswith((b"{", b"[")):
        return await _object_of_form(request)
    value = parse(body)
    if not isinstance(value, dict):
        raise BadInput(f"the body is {shown(value)}, not one JSON object", code="not_an_object")
    return value


async def _object_of_form(request: Request) -> Mapping[str, Any]:
    """Return a form's fields: lists and objects are read as JSON, a recording is left out."""
    fields: dict[str, Any] = {}
    async with request.form(max_files=10, max_fields=_MAX_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if not (value.content_type or "").startswith(("application/json", "text/")):
                    continue  # sound; what is kept of a call is words
                value = (await value.read()).decode("utf-8", "replace")
            text = value.strip()
            fields[name] = parse(text) if text.startswith(("{", "[")) else value
    return fields
