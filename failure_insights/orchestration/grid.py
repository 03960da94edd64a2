"""The grid: date x project_metric. A date's 24 hours end at 06:00 UTC of the next day."""

from datetime import date, datetime, time

import dagster as dg

from failure_insights.domain.pools import AUDIT_HOUR
from failure_insights.domain.pools import end_of as end_of
from failure_insights.settings import get_settings

DATES = dg.DailyPartitionsDefinition(
    start_date=datetime.combine(get_settings().first_date, time(AUDIT_HOUR)),
    hour_offset=AUDIT_HOUR,
    timezone="UTC",
    end_offset=1,  # the day that is under way can be audited on demand
)
PAIRS_NAME = "project_metric"
PAIRS = dg.DynamicPartitionsDefinition(name=PAIRS_NAME)
GRID = dg.MultiPartitionsDefinition({"date": DATES, PAIRS_NAME: PAIRS})


def partition_key(day: date, project_metric: str) -> str:
    """Return `DATE|PROJECT/METRIC`."""
    return dg.MultiPartitionKey({"date": day.isoformat(), PAIRS_NAME: project_metric})


def split_partition_key(key: str) -> tuple[date, str]:
    """Return the date and the pair's key of `DATE|PROJECT/METRIC`."""
    day, _, project_metric = key.partition("|")
    return date.fromisoformat(day), project_metric
