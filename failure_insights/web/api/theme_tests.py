"""Tests from a theme: its calls up to the deciding turn, with what should have happened."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from failure_insights.export.theme_tests import (
    MOST_EXPECTED,
    MOST_TESTS,
    USUAL_TESTS,
    TestFormat,
    expectation_of,
    make_tests,
    rendered,
)
from failure_insights.store.theme_lists import find_theme
from failure_insights.web.api.answer_models import ThemeTestList
from failure_insights.web.api.answers import answer
from failure_insights.web.api.examples import THEME_TEST_LINE
from failure_insights.web.api.insights import ProjectName
from failure_insights.web.api.themes import OwnId
from failure_insights.web.auth.api_keys import CallerOf

router = APIRouter(prefix="/api/projects/{project}/themes/{theme_id}/tests", tags=["Themes"])

Expected = Annotated[
    str,
    Query(
        max_length=MOST_EXPECTED,
        pattern=r"^[^\x00]*$",
        description="What should have happened; default: by the theme's criterion and fix.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MOST_TESTS, description="Calls at most.")]


@router.get("/", response_model=ThemeTestList)
def list_(
    caller: CallerOf,
    project: ProjectName,
    theme_id: OwnId,
    expected: Expected = "",
    limit: Limit = USUAL_TESTS,
) -> Response:
    """Return tests of a theme, those whose deciding turn is known first."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        tests = make_tests(connection, place, theme_id, expected=expected, limit=limit)
        usual = expectation_of(find_theme(connection, place, theme_id))
        return answer({"expected": expected.strip() or usual, "results": tests})


@router.get(
    "/export/",
    response_class=Response,
    responses={
        200: {
            "description": "JSON lines; for promptfoo a JSON list.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": THEME_TEST_LINE}},
        }
    },
)
def export(
    caller: CallerOf,
    project: ProjectName,
    theme_id: OwnId,
    format: TestFormat = "jsonl",
    expected: Expected = "",
    limit: Limit = USUAL_TESTS,
) -> Response:
    """Return tests of a theme as a file: for promptfoo, or as dataset items of Langfuse or examples
    of LangSmith."""
    with caller.engine.connect() as connection:
        place = caller.project(connection, project)
        tests = make_tests(connection, place, theme_id, expected=expected, limit=limit)
    return Response(rendered(tests, format) + "\n", media_type="text/plain; charset=utf-8")
