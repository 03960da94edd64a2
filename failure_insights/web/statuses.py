"""Give each error its HTTP status, for programs and people alike."""

from collections.abc import Mapping

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from failure_insights.errors import (
    BadInput,
    DatabaseUnreachable,
    FailureInsightsError,
    NotEligible,
    UnknownName,
)
from failure_insights.web.auth.same_origin import ForgedForm

_STATUS: Mapping[type[FailureInsightsError], int] = {
    BadInput: 422,
    NotEligible: 422,
    UnknownName: 404,
    ForgedForm: 403,
}

#: The database cannot be asked now, but perhaps soon. Callers are not told where it is.
DATABASE_AWAY = (OperationalError, NoFreeConnection, DatabaseUnreachable)


def status_of(error: FailureInsightsError) -> int:
    """Return the HTTP status of one of our errors; 500 for those that no caller causes."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
