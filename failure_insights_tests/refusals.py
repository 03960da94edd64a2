"""What an error says to programs, which tests assert instead of its sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from failure_insights.errors import FailureInsightsError


@contextmanager
def refused(
    code: str, kind: type[FailureInsightsError] = FailureInsightsError
) -> Iterator[pytest.ExceptionInfo[FailureInsightsError]]:
    """Expect an error of this code."""
    with pytest.raises(kind) as raised:
        yield raised
    assert raised.value.code == code
