"""The page that makes tests of a theme, and the files that it gives."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from failure_insights.export.theme_tests import (
    MOST_EXPECTED,
    MOST_TESTS,
    TEST_FORMATS,
    USUAL_TESTS,
    TestFormat,
    expectation_of,
    make_tests,
    rendered,
)
from failure_insights.store.theme_lists import find_theme
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject

router = APIRouter()


@router.get("/projects/{project}/themes/{theme_id}/tests")
def show(request: Request, connection: Store, project: VisibleProject, theme_id: str) -> Response:
    """What should have happened, to be edited, and the first test as it will be."""
    theme = find_theme(connection, project, theme_id)
    tests = make_tests(connection, project, theme_id, limit=MOST_TESTS)
    return render_html(
        request,
        "theme_tests.html",
        project=project,
        theme=theme,
        tests=tests,
        decided=sum(test["deciding_turn"] is not None for test in tests),
        expected=expectation_of(theme),
        usual=min(USUAL_TESTS, len(tests)),
        most=MOST_TESTS,
        formats=TEST_FORMATS,
    )


@router.get("/projects/{project}/themes/{theme_id}/tests/file")
def download(
    connection: Store,
    project: VisibleProject,
    theme_id: str,
    format: TestFormat = "jsonl",
    expected: Annotated[str, Query(max_length=MOST_EXPECTED)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_TESTS)] = USUAL_TESTS,
) -> Response:
    """The tests as a file."""
    tests = make_tests(connection, project, theme_id, expected=expected, limit=limit)
    name = f"{theme_id}-{format}.{'json' if format == 'promptfoo' else 'jsonl'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(rendered(tests, format) + "\n", media_type="application/json", headers=headers)
