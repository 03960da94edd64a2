"""Number the predefined metrics, as Cekura's clients name them by integers."""

from collections.abc import Mapping

from failure_insights.domain.metrics import slugify

#: An ID is the place in this list, from 1: new ones are added at its end, and none is taken out.
_NAMES = (
    "CSAT",
    "Critical Deviations Continuous",
    "Critical Info Check",
    "Critical Info Check bool",
    "Expected Outcome",
    "Gibberish Detection",
    "Hallucination",
    "Letterwise Pronunciation Detection",
    "Main Agent Early End Call",
    "Not Early Termination",
    "Pronunciation Analysis",
    "Pronunciation test",
    "Relevancy",
    "Response Consistency",
    "STT Errors",
    "Tool call Accuracy",
    "Unnecessary Repetition Count",
    "Unnecessary Repetition Score",
    "Latency",
    "WPM",
    "Talk Ratio",
)
#: The name of each predefined metric by its ID.
PREDEFINED: Mapping[int, str] = dict(enumerate(_NAMES, start=1))

_IDS = {slugify(name): number for number, name in PREDEFINED.items()}


def predefined_id(metric_name: str) -> int | None:
    """Return the ID of a predefined metric; None for one of the project's own."""
    return _IDS.get(slugify(metric_name))
