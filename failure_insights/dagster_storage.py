"""Keeps the storage class at the name that copies of the `dagster.yaml` of 0.1 use."""

from failure_insights.orchestration.patches.storage import PooledPostgresStorage

__all__ = ["PooledPostgresStorage"]
