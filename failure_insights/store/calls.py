"""Reading one call back: its transcript and what each metric's judge said of it."""

from sqlalchemy import Connection, text

from failure_insights.errors import UnknownName
from failure_insights.store.database import query
from failure_insights.store.insights import Row
from failure_insights.store.projects import ProjectRow


def read_call(connection: Connection, project: ProjectRow, call_id: str) -> Row:
    """Return a call in the native format, with every metric result.

    Raises:
        UnknownName: the project has no such call.
    """
    values = {"project_id": project.id, "call_id": call_id}
    row = connection.execute(query("call"), values).mappings().first()
    if row is None:
        raise UnknownName(f"there is no call {call_id!r} in project {project.slug!r}")
    results = connection.execute(query("call_results"), values).mappings()
    return {"project": project.slug, **row, "metrics": [dict(result) for result in results]}


def call_log_id(connection: Connection, project: ProjectRow, call_id: str) -> int:
    """Return the number of a stored call, which Cekura's clients know it by."""
    statement = text("SELECT id FROM calls WHERE project_id = :project_id AND call_id = :call_id")
    values = {"project_id": project.id, "call_id": call_id}
    return int(connection.execute(statement, values).scalar_one())
