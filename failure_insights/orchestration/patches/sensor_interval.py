"""Dagster's daemon looks which sensors are due every 0.35 instead of every 5 seconds."""

import sys

from failure_insights.orchestration.patches import missing

#: Seconds between two looks at which sensors are due; Dagster's own are 5, whatever interval a
#: sensor asks for. A third of the shortest: at one second a sensor is just not due at every other.
SENSOR_LOOP_S = 0.35
_NAME = "MIN_INTERVAL_LOOP_TIME"


def install() -> None:
    """In Dagster's daemon, let `minimum_interval_seconds=1` mean what it says."""
    daemon = sys.modules.get("dagster._daemon.sensor")
    if daemon is None:
        return  # another process than the daemon
    if not hasattr(daemon, _NAME):
        missing("sensor_interval", f"dagster._daemon.sensor.{_NAME}")
        return
    setattr(daemon, _NAME, SENSOR_LOOP_S)
