"""All of Cekura's paths, what is not done here last.

They are not in the OpenAPI document: that is of our own paths, and Cekura's clients know theirs.
"""

from failure_insights.web.cekura import calls, categories, insights, judge_errors, not_done, places

ROUTERS = tuple(
    part.router for part in (judge_errors, categories, insights, calls, places, not_done)
)
