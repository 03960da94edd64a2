"""All of Cekura's paths, what is not done here last.

They are not in the OpenAPI document: that is of our own paths, and Cekura's clients know theirs.
"""

from failure_insights.web.cekura import (
    alerts,
    calls,
    categories,
    deep_research,
    insights,
    judge_errors,
    not_done,
    places,
)

_PARTS = (judge_errors, categories, insights, deep_research, alerts, calls, places, not_done)
ROUTERS = tuple(part.router for part in _PARTS)
