"""Apply what people did with themes to the rows of audits, whenever they are read.

What an audit wrote is never changed: so an act shows at once on every page, an undo brings all of
it back, and neither a later audit nor one of an earlier day can lose an act.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlalchemy import Connection

from failure_insights.store.database import query
from failure_insights.store.insight_rows import (
    CauseRow,
    FailureModeRow,
    HistoryDay,
    InsightRow,
)


@dataclass(frozen=True, slots=True)
class SplitCall:
    """A call that people say is of another theme, of a cause of this title, or of none."""

    call_id: str
    into_theme: str | None
    title: str


def split_calls_of(
    connection: Connection, theme_ids: Collection[str]
) -> Mapping[str, Sequence[SplitCall]]:
    """Return the calls that people split off these themes, by theme."""
    split: dict[str, list[SplitCall]] = defaultdict(list)
    rows = connection.execute(query("split_calls"), {"theme_ids": list(theme_ids)})
    for theme_id, call_id, into_theme, title in rows:
        split[theme_id].append(SplitCall(call_id, into_theme, title or ""))
    return split


def counts_of(history: Sequence[HistoryDay]) -> Mapping[date, int]:
    """Return a theme's count per day."""
    return {item["date"]: item["count"] for item in history}


def settle_modes(
    row: InsightRow,
    parts: Sequence[tuple[str, FailureModeRow]],
    splits: Mapping[str, Sequence[SplitCall]],
) -> None:
    """Give a row its themes as people left them: the largest first and the dismissed ones last.

    Args:
        parts: each theme that the audit found, by its own ID; `theme_id` is what it was merged
            into. Counts and shares are settled here.
        splits: the calls that were split off, by theme.
    """
    modes: dict[str, FailureModeRow] = {}
    moved: list[SplitCall] = []
    for own_id, part in parts:
        own = set(part["call_ids"])
        split = (*splits.get(own_id, ()), *splits.get(part["theme_id"], ()))
        gone = {item.call_id: item for item in split if item.call_id in own}
        moved += gone.values()
        mode = without_calls(part, gone.keys()) if gone else part
        known = modes.get(mode["theme_id"])
        modes[mode["theme_id"]] = mode if known is None else _merged(known, mode)
    for item in moved:
        _place(row, modes, item)
    total = row["num_failing_calls"] or 1
    for mode in modes.values():
        mode["count"] = len(mode["call_ids"])
        mode["share"] = mode["count"] / total
        mode["history"] = _with_day(mode["history"], row["date"], mode["count"])
    row["failure_modes"] = sorted(
        (mode for mode in modes.values() if mode["count"]),
        key=lambda mode: (mode["state"] == "dismissed", -mode["count"]),
    )


def without_calls(mode: FailureModeRow, gone: Collection[str]) -> FailureModeRow:
    """Return a theme without these calls, their quotes and the causes that have no other."""
    causes = [
        {**cause, "call_ids": left, "count": len(left)}
        for cause in mode["causes"]
        if (left := [call for call in cause["call_ids"] if call not in gone])
    ]
    return {
        **mode,
        "call_ids": [call for call in mode["call_ids"] if call not in gone],
        "evidence": [item for item in mode["evidence"] if item["call_id"] not in gone],
        "causes": cast("list[CauseRow]", causes),
    }


def _place(row: InsightRow, modes: Mapping[str, FailureModeRow], item: SplitCall) -> None:
    """Count a call that was split off where people want it: a theme, a cause, or none."""
    if item.into_theme and (target := modes.get(item.into_theme)):
        target["call_ids"].append(item.call_id)
        target["also_call_ids"] = [c for c in target["also_call_ids"] if c != item.call_id]
        if target["causes"]:
            _add_to_cause(target["causes"], "Moved here by hand", item.call_id)
    elif item.title:
        _add_to_cause(row["other_causes"], item.title, item.call_id)
    else:
        row["unassigned_call_ids"].append(item.call_id)


def _add_to_cause(causes: list[CauseRow], title: str, call_id: str) -> None:
    cause = next((cause for cause in causes if cause["title"] == title), None)
    if cause is None:
        key = hashlib.sha256(title.encode()).hexdigest()[:12]
        cause = {
            "cause_id": f"ca_{key}",
            "title": title,
            "count": 0,
            "call_ids": [],
            "status": "recurring",
        }
        causes.append(cause)
    cause["call_ids"].append(call_id)
    cause["count"] += 1


def _merged(known: FailureModeRow, part: FailureModeRow) -> FailureModeRow:
    """Return two themes as one; the words are those of the larger."""
    larger, smaller = sorted([known, part], key=lambda mode: -len(mode["call_ids"]))
    call_ids = [*larger["call_ids"], *smaller["call_ids"]]
    has_causes = bool(larger["causes"] or smaller["causes"])
    return {
        **larger,
        "call_ids": call_ids,
        "evidence": [*larger["evidence"], *smaller["evidence"]],
        "causes": [*_causes(larger), *_causes(smaller)] if has_causes else [],
        "also_call_ids": sorted(
            {*larger["also_call_ids"], *smaller["also_call_ids"]} - set(call_ids)
        ),
        "status": "recurring" if "recurring" in (known["status"], part["status"]) else "new",
    }


def _causes(mode: FailureModeRow) -> list[CauseRow]:
    """Return a theme's causes; the whole theme as one where its auditor knows one level only."""
    if mode["causes"]:
        return mode["causes"]
    whole: list[CauseRow] = []
    for call_id in mode["call_ids"]:
        _add_to_cause(whole, mode["title"], call_id)
    return whole


def _with_day(history: list[HistoryDay], day: date | None, count: int) -> list[HistoryDay]:
    """Return a history in order whose count on the audit's own day is the one that is shown."""
    counts = dict(counts_of(history))
    if day in counts:
        counts[day] = count
    return [{"date": day, "count": counts[day]} for day in sorted(counts)]
