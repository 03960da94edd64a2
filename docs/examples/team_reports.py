"""Another team's code location: the themes of a day as Parquet, after the day's audits.

It needs dagster, httpx, pandas and pyarrow, and nothing of Failure Insights: themes are read over
HTTP. Environment: FAILURE_INSIGHTS_URL, FAILURE_INSIGHTS_KEY and REPORTS, the folder of the files.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pandas as pd

#: As `failure_audit` has them: a date's 24 hours end at 06:00 UTC of the next day. The start is
#: that installation's FAILURE_INSIGHTS_FIRST_DATE.
DATES = dg.DailyPartitionsDefinition("2026-01-01", hour_offset=6, timezone="UTC", end_offset=1)
COLUMNS = ["project", "metric_name", "date", "theme_id", "title", "count", "share", "severity"]


@dg.asset(
    partitions_def=DATES,
    # Every pair's audit of the date.
    deps=[
        dg.AssetDep(
            "failure_audit", partition_mapping=dg.MultiToSingleDimensionPartitionMapping("date")
        )
    ],
)
def themes_of_a_day(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write each theme of a date's audits to REPORTS/DATE.parquet, a row a theme."""
    date = context.partition_key
    themes = pd.DataFrame(list(_themes(date)), columns=COLUMNS)
    path = Path(os.environ["REPORTS"]) / f"{date}.parquet"
    themes.to_parquet(path, index=False)
    return dg.MaterializeResult(metadata={"themes": len(themes), "path": str(path)})


def _themes(date: str) -> Iterator[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {os.environ['FAILURE_INSIGHTS_KEY']}"}
    with httpx.Client(base_url=os.environ["FAILURE_INSIGHTS_URL"], headers=headers) as api:
        for project in _rows(api, "/api/projects/"):
            path = f"/api/projects/{project['slug']}/metric_failure_mode_insights/"
            seen: set[str] = set()
            for insight in _rows(api, f"{path}?status=succeeded&page_size=100"):
                # The newest audit of each metric's date comes first.
                if insight["date"] == date and insight["metric_name"] not in seen:
                    seen.add(insight["metric_name"])
                    for theme in insight["failure_modes"]:
                        yield {**insight, **theme}


def _rows(api: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    address: str | None = path
    while address:
        page = api.get(address).raise_for_status().json()
        yield from page["results"]
        address = page["next"]


defs = dg.Definitions(assets=[themes_of_a_day])
