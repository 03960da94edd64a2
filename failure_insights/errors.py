"""The errors that people meet. Each message says what was wrong, where, and how to mend it."""


class FailureInsightsError(Exception):
    """Base of every error that this package raises on purpose."""


class BadInput(FailureInsightsError):
    """Something from outside cannot be used; the message names the field and the reason."""


class UnknownName(FailureInsightsError):
    """A project, metric, call or insight that the store does not hold."""


class NotEligible(FailureInsightsError):
    """A metric that exists but is never audited, such as a code metric."""


class InvalidBreakdown(FailureInsightsError):
    """A breakdown that claims what its pool does not carry."""


class DatabaseUnreachable(FailureInsightsError):
    """Postgres did not answer; the message names the address without its password."""
