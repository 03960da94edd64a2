"""Taking payloads that came one by one: by webhook, or from a provider that was asked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Engine

from failure_insights.errors import BadInput
from failure_insights.ingest.batch import LineResult
from failure_insights.ingest.import_calls import import_calls
from failure_insights.sources import BadCall, LeftOut, NotACall, ReadCall, reader

#: What became of a payload that was taken.
Taken = Literal["new", "updated", "unchanged"]

#: Reasons that a report holds; the counts are of all.
REASONS_KEPT = 20


@dataclass(slots=True)
class PayloadReport:
    """What became of payloads: counts of calls, and what was not taken.

    `passed_over` counts events that are no end of a call, by reason; `left_out` counts parts of
    calls, by kind; `rejections` has the reason of each of the first `REASONS_KEPT` refused ones.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    rejections: list[str] = field(default_factory=list)

    @property
    def taken_as(self) -> Taken:
        """Return what became of the only payload, which was not rejected."""
        return "new" if self.new else "updated" if self.updated else "unchanged"

    def count(self, result: LineResult) -> None:
        setattr(self, result.status, getattr(self, result.status) + 1)
        if result.status == "rejected":
            self.reject(result.call_id, str(result.reason), counted=True)

    def reject(self, call_id: str | None, reason: str, *, counted: bool = False) -> None:
        """Keep the reason of a refused payload, and count it unless that is done."""
        if not counted:
            self.rejected += 1
        if len(self.rejections) < REASONS_KEPT:
            self.rejections.append(f"call {call_id}: {reason}" if call_id else reason)

    def add(self, other: "PayloadReport") -> None:
        """Add another report to this one."""
        for name in ("new", "updated", "unchanged", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.passed_over += other.passed_over
        self.left_out += other.left_out
        self.rejections += other.rejections[: REASONS_KEPT - len(self.rejections)]


def take_payloads(
    engine: Engine,
    format: str,
    payloads: Iterable[Mapping[str, Any]],
    *,
    project: str,
    agent: str | None = None,
    report: PayloadReport | None = None,
) -> PayloadReport:
    """Store the calls of these payloads and return what became of them.

    Args:
        engine: the store.
        format: one of `sources.FORMATS`.
        payloads: each a call, or an event of one.
        project: slug or name of the project of every call.
        agent: the agent of every call; None: the one that each call names.
        report: what to add to; default: a new one.
    """
    report = PayloadReport() if report is None else report
    calls = []
    for payload in payloads:
        read = read_payload(format, payload, project, report)
        if read is not None:
            calls.append(placed(read, project, agent))
    store_calls(engine, calls, project, report)
    return report


def read_payload(
    format: str, payload: Mapping[str, Any], project: str, report: PayloadReport
) -> ReadCall | None:
    """Return the call of a payload, or None where it is none; the report says why."""
    try:
        read = reader(format)(payload, project)
    except NotACall as event:
        report.passed_over[event.reason] += 1
        return None
    except BadInput as error:
        report.reject(error.call_id if isinstance(error, BadCall) else None, str(error))
        return None
    report.left_out.update(read.left_out)
    return read


def placed(read: ReadCall, project: str, agent: str | None) -> ReadCall:
    """Return the call as one of this project and, unless None, of this agent."""
    agent = read.call.agent if agent is None else agent
    return replace(read, call=replace(read.call, project=project, agent=agent))


def store_calls(
    engine: Engine, calls: Iterable[ReadCall], project: str, report: PayloadReport
) -> None:
    """Store calls that have been read; the report counts what became of each."""
    # The same call twice among them: the later one says more, or the same.
    latest = {read.call.call_id: read for read in calls}
    if not latest:
        return
    waiting = iter(latest.values())
    import_calls(
        engine,
        ["{}"] * len(latest),
        project=project,
        read=lambda _payload, _project: next(waiting),
        on_line=report.count,
    )
