"""Draw a theme's count per day as a small line, in SVG."""

from collections.abc import Iterable
from datetime import date, timedelta

from markupsafe import Markup

from failure_insights.store.insight_rows import HistoryDay

DAYS = 14
WIDTH, HEIGHT, MARGIN = 112, 28, 3


def history_line(history: Iterable[HistoryDay], last_day: date, num_days: int = DAYS) -> Markup:
    """Return the SVG of the days up to `last_day`; a day without the theme is a zero.

    Args:
        history: items with `date` and `count`; days outside the span are left out.
    """
    counts = {item["date"]: item["count"] for item in history}
    days = [last_day - timedelta(days=back) for back in reversed(range(num_days))]
    values = [counts.get(day, 0) for day in days]
    points = _points(values)
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    floor = HEIGHT - MARGIN
    (left, _), (x, y) = points[0], points[-1]
    return Markup(  # noqa: S704 - numbers and names of months only
        f'<svg class="history" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' role="img" aria-label="{in_words(days, values)}">'
        f'<polygon points="{left:g},{floor} {line} {x:g},{floor}"/><polyline points="{line}"/>'
        f'<circle cx="{x:g}" cy="{y:g}" r="2.5"/></svg>'
    )


def in_words(days: list[date], values: list[int]) -> str:
    """Return what the line shows, for those who cannot see it."""
    counts = ", ".join(map(str, values))
    return f"Calls a day, {_short(days[0])} to {_short(days[-1])}: {counts}"


def _points(values: list[int]) -> list[tuple[float, float]]:
    highest = max(*values, 1)
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    height = HEIGHT - 2 * MARGIN
    return [
        (round(MARGIN + index * step, 1), round(HEIGHT - MARGIN - height * value / highest, 1))
        for index, value in enumerate(values)
    ]


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"
