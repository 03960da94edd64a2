"""Times as providers' queries take them."""

from datetime import datetime


def written(moment: datetime) -> str:
    """Return an aware UTC time in ISO 8601, with milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
