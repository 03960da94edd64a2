"""Demo calls with planted causes, so that a person can judge what the audits make of them.

Two invented businesses and three agents, ten days of calls. The words stand in `texts/*.toml`;
every transcript shows its cause at some turn, and every judge tells the truth about it, except
where a cause says that the judge is wrong. Nothing in a call's metadata tells its cause.
Numbers are calls a day.

Willow Park Dental, a dental practice (agents front-desk, after-hours)

- Expected Outcome, 24-hour pools on most days:
  calendar_timeout 5-7, misheard_day 3-5 (both look like "no right appointment"),
  insurance_gate 4-6 (began three days ago), dentist_on_leave 4-5 (ended five days ago),
  judge_missed_booking about 1 (the judge is wrong), spanish_ignored every other day (rare).
- Tool call Accuracy, around ten a day: calendar_timeout (the same calls again),
  day_month_swapped 2-3, duplicate_booking 1-2, lookup_without_birth_date about 1.
- CSAT, a rating: dead_air, asked_again, whitening_upsell, about 1 each,
  and insurance_gate (the same calls again).
- STT Errors, 7-day pools: surname_garbled 1-2, digit_dropped and dental_terms about 1.
- Emergency Triage, a custom judge: danger_signs_skipped, too few to audit.

Swiftline Parcels, a parcel carrier (agent parcel-support)

- Expected Outcome, 24-hour pools on most days: address_not_saved 4-6,
  transfer_to_closed_desk 3-4, tracking_letters 2-3, link_not_sent 3-4 (began three days ago).
- Hallucination, 7-day pools: invented_window 1-2, invented_compensation and message_never_sent
  about 1, judge_missed_lookup every third day (the judge is wrong).
- Unnecessary Repetition Score, a rating, 7-day pools: number_read_back and yes_not_accepted
  about 1, recording_notice (ended six days ago).
- Identity Check Before Disclosure, a custom judge, 7-day pools: address_disclosed_first,
  wrong_postcode_accepted, neighbour_told, each less than 1.
- Not Early Termination: hung_up_while_searching, too few to audit.

Both have the code metrics Latency and Talk Ratio, which are never audited.
"""

from collections.abc import Iterator
from datetime import datetime

import orjson

from failure_insights.demo.calls import metric_cards, planned_calls, projects
from failure_insights.domain.metrics import MetricCard

#: The agents of each view of each project.
DEMO_VIEWS: dict[str, dict[str, list[str]]] = {
    texts["project"]: dict(texts["views"]) for texts in projects()
}

#: What was planted for each project and metric, in words.
PLANTED_CAUSES: dict[tuple[str, str], list[str]] = {
    (texts["project"], metric["name"]): causes
    for texts in projects()
    for metric in texts["metric"]
    if (causes := [c["about"] for c in texts["cause"] if metric["name"] in c["says"]])
}


def demo_calls(now: datetime) -> Iterator[bytes]:
    """Yield the demo's calls up to `now` in the native import format, oldest first.

    The same `now` gives the same lines, and a call keeps its ID and its words while the day's
    place in the ten days stays the same.
    """
    for call in planned_calls(now):
        yield orjson.dumps(call.line)


def demo_metric_cards() -> dict[str, list[MetricCard]]:
    """Return the metric cards of each project."""
    return {texts["project"]: metric_cards(texts) for texts in projects()}
