"""End sessions of the pages for good, whatever cookies still hold them."""

from datetime import timedelta

from sqlalchemy import Connection, text


def end_session(connection: Connection, session_id: str, lifetime: timedelta) -> None:
    """Put a session out of force, and forget those that are too old to be in force anyway.

    Args:
        lifetime: of a cookie; a session that ended longer ago needs no row.
    """
    connection.execute(
        text("DELETE FROM ended_sessions WHERE ended_at < now() - :lifetime"),
        {"lifetime": lifetime},
    )
    connection.execute(
        text("INSERT INTO ended_sessions (id) VALUES (:id) ON CONFLICT DO NOTHING"),
        {"id": session_id},
    )


def has_ended(connection: Connection, session_id: str) -> bool:
    """Return whether a session was signed out of."""
    statement = text("SELECT EXISTS (SELECT FROM ended_sessions WHERE id = :id)")
    return bool(connection.execute(statement, {"id": session_id}).scalar_one())
