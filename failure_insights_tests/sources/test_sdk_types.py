"""The fixtures are what the providers send: their own SDKs' types accept them."""

import pytest

from failure_insights_tests.sources.fixtures import FIXTURES, Fixture
from failure_insights_tests.sources.sdk_types import require_accepted

pytestmark = pytest.mark.slow

#: The SDKs among the test requirements; see `sdk_types` for the others.
INSTALLED = ("retell.", "elevenlabs.")


@pytest.mark.parametrize(
    "fixture", [f for f in FIXTURES if f.sdk and f.sdk.startswith(INSTALLED)], ids=str
)
def test_the_provider_s_own_class_accepts_the_payload(fixture: Fixture) -> None:
    require_accepted(fixture)
