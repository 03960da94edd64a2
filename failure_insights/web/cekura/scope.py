"""Read what Cekura's clients send to say what is meant: projects, agents, ranges of time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import Depends, Query
from sqlalchemy import Connection

from failure_insights.errors import BadInput, UnknownName
from failure_insights.store.access import visible_projects
from failure_insights.store.failure_counts import Scope
from failure_insights.store.projects import ProjectRow
from failure_insights.store.seen_rows import project_of_row
from failure_insights.web.api.answers import MAX_ID
from failure_insights.web.auth.api_keys import Caller

Id = Annotated[int, Query(ge=1, le=MAX_ID)]


def project_meant(connection: Connection, caller: Caller, number: int) -> ProjectRow:
    """Return the project of this ID, else the one that is named so, as who kept Cekura's number.

    Raises:
        UnknownName: there is none, or it is another key's.
    """
    try:
        return project_of_row(connection, caller.key, "project", number)
    except UnknownName:
        return caller.project(connection, str(number))


def projects_meant(
    connection: Connection, caller: Caller, *numbers: int | None
) -> list[ProjectRow]:
    """Return the project of the first number that is given, else all that the key sees."""
    for number in numbers:
        if number is not None:
            return [project_meant(connection, caller, number)]
    return visible_projects(connection, caller.key)


def one_project(connection: Connection, caller: Caller, *numbers: int | None) -> ProjectRow:
    """Return the project that is meant; without a number the only one that the key sees.

    Raises:
        BadInput: the key sees several, or none.
    """
    projects = projects_meant(connection, caller, *numbers)
    if len(projects) != 1:
        raise BadInput("project is missing, and this key sees several or none")
    return projects[0]


def numbers_of(listed: str | None, field: str) -> list[int] | None:
    """Return the IDs of a comma-separated list; None where nothing was given."""
    if not listed:
        return None
    parts = [part.strip() for part in listed.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise BadInput(f"{field} is not a list of IDs, such as 12,15")
    return [int(part) for part in parts]


def moment(given: str | None, field: str, *, is_end: bool = False) -> datetime | None:
    """Return the moment of an ISO 8601 text. A bare date is its first moment, and as an end the
    first of the next day; a time without a zone is UTC."""
    if given is None:
        return None
    try:
        if len(given) <= len("2026-11-24"):
            day = date.fromisoformat(given) + timedelta(days=is_end)
            return datetime.combine(day, time(), UTC)
        # A plus sign that was not encoded arrives as a blank.
        at = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{field} is not a date or time, such as 2026-11-24") from None


def _scope(
    date_from: str | None = None, date_to: str | None = None, agent_ids: str | None = None
) -> Scope:
    """Return the calls that the three parameters of Cekura's counts mean."""
    return Scope(
        moment(date_from, "date_from"),
        moment(date_to, "date_to", is_end=True),
        numbers_of(agent_ids, "agent_ids"),
    )


#: The calls that a request for counts means.
ScopeMeant = Annotated[Scope, Depends(_scope)]
