"""A project's digests: the list of days, one of them, and its file."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from failure_insights.export.markdown import digest_markdown
from failure_insights.store.digests import find_digest, list_digests
from failure_insights.store.paging import Page
from failure_insights.web.pages.html import render_html
from failure_insights.web.pages.visitor import Store, VisibleProject

router = APIRouter()

DIGESTS_ON_PAGE = 30


@router.get("/projects/{project}/digests")
def digests_page(
    request: Request,
    connection: Store,
    project: VisibleProject,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """The project's digests, day by day."""
    listed = list_digests(connection, project, Page(page, DIGESTS_ON_PAGE))
    return render_html(request, "digests.html", project=project, digests=listed.rows)


@router.get("/projects/{project}/digests/{digest_id}.md")
def export(connection: Store, project: VisibleProject, digest_id: int) -> Response:
    """A digest as a file to keep or to send."""
    text = digest_markdown(find_digest(connection, project, digest_id))
    headers = {"Content-Disposition": f'attachment; filename="digest-{digest_id}.md"'}
    return Response(text + "\n", media_type="text/markdown; charset=utf-8", headers=headers)


@router.get("/projects/{project}/digests/{digest_id}")
def digest_page(
    request: Request, connection: Store, project: VisibleProject, digest_id: int
) -> Response:
    """One digest in full."""
    row = find_digest(connection, project, digest_id)
    return render_html(request, "digest.html", project=project, digest=row)
