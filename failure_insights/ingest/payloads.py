"""Taking payloads that came one by one: by webhook, or from a provider that was asked."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine

from failure_insights.errors import BadInput
from failure_insights.ingest.import_calls import line_of_call, name_of_project, store_lines
from failure_insights.ingest.report import ImportReport
from failure_insights.sources import BadCall, NotACall, ReadCall, reader


def take_payloads(
    engine: Engine,
    format: str,
    payloads: Iterable[Mapping[str, Any]],
    *,
    project: str,
    agent: str | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Store the calls of these payloads and return what became of them.

    Args:
        engine: the store.
        format: one of `sources.FORMATS`.
        payloads: each a call, or an event of one.
        project: slug or name of the project of every call.
        agent: the agent of every call; None: the one that each call names.
        report: what to add to; default: a new one.
    """
    report = ImportReport() if report is None else report
    calls = []
    for payload in payloads:
        read = read_payload(format, payload, project, report)
        if read is not None:
            calls.append(of_agent(read, agent))
    store_calls(engine, calls, format, project, report)
    return report


def read_payload(
    format: str, payload: Mapping[str, Any], project: str, report: ImportReport
) -> ReadCall | None:
    """Return the call of a payload, or None where it is none; the report says why."""
    try:
        return reader(format)(payload, project)
    except NotACall as event:
        report.passed_over[event.reason] += 1
    except BadInput as error:
        report.reject(error.call_id if isinstance(error, BadCall) else None, str(error))
    return None


def of_agent(read: ReadCall, agent: str | None) -> ReadCall:
    """Return the call as one of this agent, unless that is None."""
    return read if agent is None else replace(read, call=replace(read.call, agent=agent))


def store_calls(
    engine: Engine, calls: Iterable[ReadCall], format: str, project: str, report: ImportReport
) -> None:
    """Store calls of a project (its slug or name) that have been read; the report counts them."""
    name = name_of_project(engine, project)
    lines = [
        line_of_call(replace(read, call=replace(read.call, project=name)), format) for read in calls
    ]
    if lines:
        report.add(store_lines(engine, lines))
