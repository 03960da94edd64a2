"""The errors that people meet. Each message says what was wrong, where, and how to fix it.

The message is for people and may be reworded; `code` is for programs and tests, and stays. The
terminal prints it behind the message, and the API's problems have it as `code`.
"""


class FailureInsightsError(Exception):
    """Base of every error that this package raises on purpose.

    A class has a general `code`; where one of its causes is worth telling apart, the place that
    raises names a specific one.
    """

    code = "failure_insights_error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class BadInput(FailureInsightsError):
    """Something from outside cannot be used; the message names the field and the reason."""

    code = "bad_input"


class UnknownName(FailureInsightsError):
    """A project, metric, call or insight that the store does not hold."""

    code = "unknown_name"


class NotEligible(FailureInsightsError):
    """A metric that exists but is never audited, such as a code metric."""

    code = "metric_not_eligible"


class InvalidBreakdown(FailureInsightsError):
    """A breakdown that claims what its pool does not carry."""

    code = "invalid_breakdown"


class DatabaseUnreachable(FailureInsightsError):
    """Postgres did not answer; the message names the address without its password."""

    code = "database_unreachable"
