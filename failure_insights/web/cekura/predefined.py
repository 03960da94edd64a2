"""Number the predefined metrics, as Cekura's clients name them by integers."""

from collections.abc import Mapping

from failure_insights.domain import metrics
from failure_insights.domain.metrics import slugify

#: The name of each predefined metric by its ID.
PREDEFINED: Mapping[int, str] = dict(enumerate(metrics.PREDEFINED, start=1))

_IDS = {slugify(name): number for number, name in PREDEFINED.items()}


def predefined_id(metric_name: str) -> int | None:
    """Return the ID of a predefined metric; None for one of the project's own."""
    return _IDS.get(slugify(metric_name))
