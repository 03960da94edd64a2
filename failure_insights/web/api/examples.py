"""The examples of the API's document: of each body that is sent, and of each answer."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson

from failure_insights.audit.costs import CostsRow, EstimateRow
from failure_insights.export.theme_tests import ThemeTest
from failure_insights.store.alerts import AlertMessageRow, AlertRuleRow
from failure_insights.store.calls import CallRow
from failure_insights.store.digests import DigestRow
from failure_insights.store.insight_rows import InsightRow
from failure_insights.store.project_lists import AgentRow, MetricCardRow
from failure_insights.store.projects import ProjectRow, ViewRow
from failure_insights.store.result_marks import MarkRow
from failure_insights.store.sorted_calls import SinceThenRow
from failure_insights.store.theme_acts import ActRow
from failure_insights.store.theme_lists import ThemeRow
from failure_insights.web.api import answer_models
from failure_insights.web.api.request_models import (
    AboutBody,
    AlertBody,
    CallBody,
    CapBody,
    DigestRequest,
    InsightRequest,
    MarkBody,
    MetricCardBody,
    ObserveBody,
    SplitBody,
    ThemePatch,
    UndoBody,
    ViewBody,
)

_MADE_AT = datetime(2026, 11, 23, 9, 31, 7, tzinfo=UTC)

_INSIGHT_REQUEST = {"metric_name": "Hallucination", "window_days": 7, "max_calls": 100}
_ABOUT: answer_models.About = {
    "about": "Books, moves and cancels appointments. It may not give medical advice."
}
_METRIC_CARD_BODY = {
    "type": "llm_judge",
    "prompt": "Did the agent say anything that its knowledge does not hold?",
    "description": "No invented facts.",
    "pass_rule": ">= 4",
    "score_type": "rating",
}
_VIEW_BODY = {"agents": ["front-desk", "night-line"]}
CALL_BODY: dict[str, Any] = {
    "call_id": "call-1",
    "agent": "front-desk",
    "started_at": "2026-11-23T09:30:00Z",
    "duration_s": 42.5,
    "ended_reason": "caller_hangup",
    "metadata": {"campaign": "spring"},
    "transcript": [
        {"role": "user", "content": "Can I come on Friday?", "start_s": 0.0},
        {"role": "agent", "content": "We are closed on Fridays.", "start_s": 2.1},
    ],
    "metrics": [
        {
            "name": "Hallucination",
            "passed": False,
            "score": 0,
            "explanation": "The clinic is open on Fridays.",
        }
    ],
}
_OBSERVE_BODY: dict[str, Any] = {
    "call_id": "call_12345678",
    "agent": 2421,
    "transcript_type": "vapi",
    "transcript_json": [
        {"role": "bot", "message": "How can I help?", "secondsFromStart": 0},
        {"role": "user", "message": "A table for two.", "secondsFromStart": 2.5},
    ],
    "call_ended_reason": "customer-ended-call",
    "metadata": {"campaign_id": "camp_456"},
    "timestamp": "2026-11-23T10:30:00Z",
    "metrics": [
        {
            "name": "Hallucination",
            "passed": False,
            "explanation": "It promised a table that is not there.",
        }
    ],
}

_INSIGHT: InsightRow = {
    "id": 42,
    "project": "clinic",
    "project_id": 1,
    "metric_name": "Hallucination",
    "metric_id": 3,
    "status": "succeeded",
    "trigger": "request",
    "date": date(2026, 11, 23),
    "window_start": datetime(2026, 11, 17, 6, tzinfo=UTC),
    "window_end": datetime(2026, 11, 24, 6, tzinfo=UTC),
    "window_days": 7,
    "max_calls": 100,
    "num_failing_calls": 8,
    "num_calls_analyzed": 6,
    "num_evaluated_calls": 41,
    "num_confirmed_errors": 1,
    "failure_modes": [
        {
            "theme_id": "th_0123456789ab",
            "title": "Agent says that the clinic is closed on Fridays",
            "description": "The agent names the opening hours of last year.",
            "count": 3,
            "share": 0.375,
            "call_ids": ["call-1", "call-2", "call-3"],
            "evidence": [{"call_id": "call-1", "turn": 1, "quote": "We are closed on Fridays."}],
            "origin": "agent_knowledge",
            "suggested_fix": "Bring the opening hours in the agent's knowledge up to date.",
            "status": "recurring",
            "first_seen": date(2026, 11, 21),
            "history": [
                {"date": date(2026, 11, 21), "count": 2},
                {"date": date(2026, 11, 23), "count": 3},
            ],
            "causes": [
                {
                    "cause_id": "ca_0123456789ab",
                    "title": "Agent reads last year's opening hours",
                    "count": 3,
                    "call_ids": ["call-1", "call-2", "call-3"],
                    "status": "recurring",
                }
            ],
            "also_call_ids": ["call-6"],
            "severity": "high",
            "severity_reason": "Callers stay away on a day on which the clinic is open.",
            "state": "regressed",
            "trend": "steady",
            "dismissal_reason": None,
            "owner": "Ada",
            "link": "https://tracker.example.com/CLINIC-7",
            "merged_theme_ids": [],
        }
    ],
    "other_causes": [
        {
            "cause_id": "ca_ba9876543210",
            "title": "Calendar answers too late and the agent hangs up",
            "count": 1,
            "call_ids": ["call-6"],
            "status": "new",
        }
    ],
    "unassigned_call_ids": ["call-4"],
    "not_read_call_ids": ["call-7"],
    "suspected_judge_errors": [
        {
            "call_id": "call-5",
            "turn": 3,
            "quote": "We open at nine on Fridays.",
            "reason": "The agent named the hours that its knowledge holds.",
            "mark": "judge_wrong",
        }
    ],
    "metric_findings": [
        {
            "kind": "nothing_called_for_it",
            "call_id": "call-8",
            "turn": 2,
            "quote": "I will think about it and call again.",
            "reason": "The caller chose not to book; the metric expects a booking.",
            "mark": None,
        }
    ],
    "auditor": "agent",
    "degraded": False,
    "paused": False,
    "model": "gpt-5-mini",
    "usage": {"requests": 9, "input_tokens": 21500, "output_tokens": 2300, "cached": 0},
    "cost": 0.01,
    "message": "",
    "error_message": "",
    "duration_seconds": 31.4,
    "dagster_run_id": "0c9f2b1e-5d0c-4a58-9d0f-3d2f6f0c7a11",
    "created_at": datetime(2026, 11, 24, 6, tzinfo=UTC),
    "updated_at": datetime(2026, 11, 24, 6, 0, 36, tzinfo=UTC),
}
_THEME_PATCH = {
    "state": "resolved",
    "since": "2026-11-22T09:00:00Z",
    "note": "The opening hours are up to date.",
    "owner": "Ada",
    "link": "https://tracker.example.com/CLINIC-7",
}
_SPLIT_BODY = {"call_ids": ["call-3"], "title": "Caller asks for another clinic", "by": "Ada"}
_UNDO_BODY = {"by": "Ada"}
_THEME: ThemeRow = {
    "theme_id": "th_0123456789ab",
    "project": "clinic",
    "metric_name": "Hallucination",
    "title": "Agent says that the clinic is closed on Fridays",
    "description": "The agent names the opening hours of last year.",
    "criterion": "The agent names opening hours that are not those of the clinic.",
    "origin": "agent_knowledge",
    "suggested_fix": "Bring the opening hours in the agent's knowledge up to date.",
    "severity": "high",
    "severity_reason": "Callers stay away on a day on which the clinic is open.",
    "state": "regressed",
    "state_since": datetime(2026, 11, 22, 9, tzinfo=UTC),
    "dismissal_reason": None,
    "note": "The opening hours are up to date.",
    "owner": "Ada",
    "link": "https://tracker.example.com/CLINIC-7",
    "merged_into": None,
    "merged_theme_ids": [],
    "trend": "steady",
    "first_seen": date(2026, 11, 21),
    "last_seen": date(2026, 11, 23),
    "insight_id": 42,
    "history": [
        {"date": date(2026, 11, 21), "count": 2},
        {"date": date(2026, 11, 23), "count": 3},
    ],
}
_ACT = ActRow(
    id=7,
    theme_id="th_0123456789ab",
    kind="owner",
    by="Ada",
    at=_MADE_AT,
    before={"owner": ""},
    after={"owner": "Ada"},
    undoes=None,
    undone_by=None,
)

_MARK_BODY = {
    "metric_name": "Hallucination",
    "call_id": "call-5",
    "verdict": "judge_wrong",
    "expected": True,
    "note": "The clinic opens at nine on Fridays since November.",
    "by": "Ada",
}
_MARK: MarkRow = {
    "id": 3,
    "project": "clinic",
    "metric_name": "Hallucination",
    "call_id": "call-5",
    "verdict": "judge_wrong",
    "passed": False,
    "score": 0,
    "explanation": "The clinic is closed on Fridays.",
    "expected": True,
    "expected_passed": True,
    "note": "The clinic opens at nine on Fridays since November.",
    "by": "Ada",
    "at": _MADE_AT,
    "leaves_pools": True,
}
#: A line of the export of marks.
MARK_LINE = orjson.dumps(
    {**_MARK, "transcript": CALL_BODY["transcript"]}, option=orjson.OPT_UTC_Z
).decode()
_RATES: answer_models.JudgeErrorRates = {
    "metric_name": "Hallucination",
    "results": [
        {
            "week": date(2026, 11, 23),
            "evaluated": 190,
            "failing": 26,
            "suspected": 3,
            "judge_wrong": 2,
            "metric_wrong": 1,
            "stands": 1,
            "error_rate": 0.0105,
        }
    ],
}

_CALL: CallRow = {
    "id": 7,
    "call_id": "call-1",
    "project": "clinic",
    "project_id": 1,
    "agent": "front-desk",
    "agent_id": 2,
    "started_at": datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    "duration_s": 42.5,
    "ended_reason": "caller_hangup",
    "metadata": {"campaign": "spring"},
    "transcript": [
        {"role": "user", "content": "Can I come on Friday?", "start_s": 0.0},
        {"role": "agent", "content": "We are closed on Fridays.", "start_s": 2.1},
    ],
    "metrics": [
        {
            "metric_id": 3,
            "name": "Hallucination",
            "type": "llm_judge",
            "passed": False,
            "score": 0,
            "explanation": "The clinic is open on Fridays.",
        }
    ],
}
_OBSERVED: answer_models.Observed = {
    "id": 7,
    "call_id": "call_12345678",
    "project": "restaurant",
    "agent": "2421",
    "timestamp": datetime(2026, 11, 23, 10, 30, tzinfo=UTC),
    "call_ended_reason": "customer-ended-call",
    "metadata": {"campaign_id": "camp_456"},
    "metrics": [
        {
            "metric_id": 3,
            "name": "Hallucination",
            "type": "llm_judge",
            "passed": False,
            "score": None,
            "explanation": "It promised a table that is not there.",
        }
    ],
    "status": "new",
    "left_out": {},
    "ignored": [],
}
_DELIVERED: answer_models.Delivered = {
    "status": "new",
    "id": 7,
    "call_id": "019c0e5e-6d3c-7000-a1f5-2f3a6a1c9a10",
    "project": "clinic",
    "agent": "front-desk",
    "left_out": {"turns without text": 1},
}
#: A form as Cekura's example sends it for ElevenLabs; its recording is left out.
OBSERVE_FORM = {
    "call_id": "conv_1",
    "agent": "2421",
    "transcript_type": "elevenlabs",
    "transcript_json": '[{"role": "agent", "message": "Hello.", "time_in_call_secs": 0}]',
}
#: What a provider's webhook sends.
DELIVERY: dict[str, Any] = {
    "event": "call_analyzed",
    "call": {
        "call_id": "call_1",
        "agent_id": "agent_1",
        "start_timestamp": 1795429800000,
        "transcript_object": [{"role": "agent", "content": "Hello."}],
        "call_analysis": {"call_successful": False, "call_summary": "No date was found."},
    },
}
_IMPORT_REPORT: answer_models.ImportReport = {
    "new": 1,
    "updated": 0,
    "unchanged": 0,
    "rejected": 1,
    "passed_over": {},
    "left_out": {"turns without text": 2},
    "unjudged": [{"metric": "CSAT", "results": 1}],
    "without_turns": 0,
    "without_results": 0,
    "told": [],
    "results": [
        {"line": 1, "status": "new", "call_id": "call-1", "reason": None},
        {
            "line": 2,
            "status": "rejected",
            "call_id": "call-2",
            "reason": "started_at is missing",
        },
    ],
}
_TOO_MANY_DAYS = "Input should be less than or equal to 90"
_PROBLEM: answer_models.Problem = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "code": "bad_input",
    "detail": f"body.window_days: {_TOO_MANY_DAYS}",
    "errors": [{"field": "body.window_days", "reason": _TOO_MANY_DAYS}],
}
_METRIC_CARD = MetricCardRow(
    id=3,
    name="Hallucination",
    slug="hallucination",
    type="llm_judge",
    prompt="Did the agent say anything that its knowledge does not hold?",
    description="No invented facts.",
    pass_rule=">= 4",  # noqa: S106 - no password
    score_type="rating",
    is_eligible=True,
    about="Expects the opening hours of this year.",
    created_at=_MADE_AT,
    updated_at=_MADE_AT,
)
_VIEW = ViewRow(id=2, slug="at-night", name="At night", agents=["night-line"], created_at=_MADE_AT)
_AGENT = AgentRow(id=5, name="front-desk", created_at=_MADE_AT)
_PROJECT = ProjectRow(id=1, slug="clinic", name="Clinic", created_at=_MADE_AT)


_ESTIMATE: EstimateRow = {
    "metric_name": "Hallucination",
    "failing_calls": 31,
    "low": 0.031,
    "high": 0.052,
    "basis": "past_audits",
}
_DIGEST: DigestRow = {
    "id": 12,
    "project": "clinic",
    "date": date(2026, 11, 23),
    "days": 1,
    "window_end": datetime(2026, 11, 24, 6, tzinfo=UTC),
    "headline": "1 grew; 29 failing calls in 4 metrics.",
    "words": "The calendar lookup fails far more often than last week, and two judges see it.",
    "stories": [
        {
            "kind": "grew",
            "title": "Calendar lookup times out and the agent gives up",
            "count": 9,
            "call_ids": [f"call-{number}" for number in range(1, 10)],
            "metrics": ["Expected Outcome", "Tool call Accuracy"],
            "suggested_fix": "Retry the lookup once, then offer a call back.",
            "quote": "I cannot see any slots right now.",
            "quote_call_id": "call-1",
            "themes": [
                {
                    "theme_id": "th_0123456789ab",
                    "metric_name": "Expected Outcome",
                    "metric_slug": "expected-outcome",
                    "title": "Calendar lookup times out and the agent gives up",
                    "count": 9,
                    "expected": 2.4,
                    "insight_id": 42,
                    "severity": "high",
                },
                {
                    "theme_id": "th_ba9876543210",
                    "metric_name": "Tool call Accuracy",
                    "metric_slug": "tool-call-accuracy",
                    "title": "find_slots answers nothing",
                    "count": 7,
                    "expected": 2.0,
                    "insight_id": 43,
                    "severity": None,
                },
            ],
        }
    ],
    "failing_calls": 29,
    "audited": 4,
    "failed": ["CSAT"],
    "missing": [],
    "degraded": [],
    "model": "gpt-5-mini",
    "cost": 0.0021,
    "made_at": datetime(2026, 11, 24, 6, 4, tzinfo=UTC),
}
_ALERT_BODY: dict[str, Any] = {
    "name": "Calendar grows",
    "kind": "growing",
    "metric_name": "Tool call Accuracy",
    "params": {"preset": "daily"},
    "channel": "apprise",
    "address_env": "ALERT_SLACK_URL",
}
_ALERT: AlertRuleRow = {
    "id": 3,
    "project": "clinic",
    "name": "Calendar grows",
    "metric_name": "Tool call Accuracy",
    "kind": "growing",
    "params": {"recent_hours": 24, "baseline_hours": 168, "least": 5, "factor": 3.0},
    "channel": "apprise",
    "address_env": "ALERT_SLACK_URL",
    "secret_env": None,
    "enabled": True,
    "created_at": _MADE_AT,
    "last_sent_at": datetime(2026, 11, 24, 6, 3, tzinfo=UTC),
    "waiting": 0,
    "given_up": 0,
    "last_error": "",
}
_ALERT_TEXT = (
    "Calendar lookup times out (Tool call Accuracy): grows, 11 calls where 2 were to be expected\n"
    "https://insights.example.com/projects/clinic/insights/42#group_42_th_0123456789ab"
)
_ALERT_PAYLOAD: dict[str, Any] = {
    "type": "failure_insights.growing",
    "rule": "Calendar grows",
    "project": "clinic",
    "metric_name": "Tool call Accuracy",
    "at": "2026-11-24T06:03:00+00:00",
    "events": [
        {
            "url": "https://insights.example.com/projects/clinic/insights/42"
            "#group_42_th_0123456789ab",
            "theme_id": "th_0123456789ab",
            "title": "Calendar lookup times out",
            "metric_name": "Tool call Accuracy",
            "insight_id": 42,
            "count": 11,
            "expected": 2.0,
            "severity": "high",
            "call_ids": ["call-1"],
        }
    ],
}
_ALERT_MESSAGE: AlertMessageRow = {
    "id": 8,
    "title": "Clinic: 1 theme grows",
    "body": _ALERT_TEXT,
    "payload": _ALERT_PAYLOAD,
    "status": "sent",
    "attempts": 1,
    "next_at": datetime(2026, 11, 24, 6, 8, tzinfo=UTC),
    "last_error": "",
    "created_at": datetime(2026, 11, 24, 6, 3, tzinfo=UTC),
    "sent_at": datetime(2026, 11, 24, 6, 3, tzinfo=UTC),
}
_ALERT_PREVIEW: answer_models.AlertPreview = {
    "has_message": True,
    "title": "Clinic: 1 theme grows",
    "text": _ALERT_TEXT,
    "payload": _ALERT_PAYLOAD,
}
_THEME_TEST: ThemeTest = {
    "id": "th_0123456789ab-5f0c1d2e3a4b5c6d",
    "theme_id": "th_0123456789ab",
    "title": "Agent says that the clinic is closed on Fridays",
    "metric_name": "Hallucination",
    "call_id": "call-1",
    "deciding_turn": 1,
    "quote": "We are closed on Fridays.",
    "messages": [{"role": "user", "content": "Can I come on Friday?"}],
    "expected": "The agent names the opening hours of this year.",
}
THEME_TEST_LINE = orjson.dumps(_THEME_TEST).decode()
_SINCE: SinceThenRow = {
    "insight_id": 42,
    "sorted_at": datetime(2026, 11, 24, 10, 7, tzinfo=UTC),
    "themes": [{"theme_id": "th_0123456789ab", "call_ids": ["call-20", "call-21"]}],
    "in_no_theme": ["call-22"],
}
_COSTS: CostsRow = {
    "model": "gpt-5-mini",
    "spent_this_month": 3.218,
    "monthly_cap": 20.0,
    "cap_of_all_projects": None,
    "paused": None,
    "next_grid": {**_ESTIMATE, "metric_name": "all metrics"},
    "next_audits": [_ESTIMATE],
    "months": [
        {
            "month": date(2026, 11, 1),
            "metric_name": "Hallucination",
            "audits": 23,
            "cost": 3.218,
            "input_tokens": 10_400_000,
            "output_tokens": 309_000,
        }
    ],
}


def _pages(path: str, row: object) -> dict[str, object]:
    """Return the example of a list in three pages of one row, at its second."""
    address = f"https://insights.example.com/api/projects/{path}?page_size=1&page="
    return {"count": 3, "next": f"{address}3", "previous": f"{address}1", "results": [row]}


#: The example of each body and answer, by its type.
EXAMPLES: Mapping[Any, object] = {
    InsightRequest: _INSIGHT_REQUEST,
    AboutBody: _ABOUT,
    CapBody: {"monthly_cap": 20.0},
    AlertBody: _ALERT_BODY,
    DigestRequest: {"days": 7, "in_words": False},
    MetricCardBody: _METRIC_CARD_BODY,
    ViewBody: _VIEW_BODY,
    CallBody: CALL_BODY,
    ObserveBody: _OBSERVE_BODY,
    ThemePatch: _THEME_PATCH,
    SplitBody: _SPLIT_BODY,
    UndoBody: _UNDO_BODY,
    MarkBody: _MARK_BODY,
    MarkRow: _MARK,
    InsightRow: _INSIGHT,
    ThemeRow: _THEME,
    ActRow: _ACT,
    CallRow: _CALL,
    MetricCardRow: _METRIC_CARD,
    CostsRow: _COSTS,
    SinceThenRow: _SINCE,
    ThemeTest: _THEME_TEST,
    AlertRuleRow: _ALERT,
    AlertMessageRow: _ALERT_MESSAGE,
    DigestRow: _DIGEST,
    EstimateRow: _ESTIMATE,
    ViewRow: _VIEW,
    AgentRow: _AGENT,
    ProjectRow: _PROJECT,
    answer_models.InsightList: _pages("clinic/metric_failure_mode_insights/", _INSIGHT),
    answer_models.MarkList: _pages("clinic/result_marks/", _MARK),
    answer_models.JudgeErrorRates: _RATES,
    answer_models.ThemeList: _pages("clinic/themes/", _THEME),
    answer_models.ActList: _pages("clinic/themes/th_0123456789ab/history/", _ACT),
    answer_models.MetricList: _pages("clinic/metrics/", _METRIC_CARD),
    answer_models.ViewList: _pages("clinic/views/", _VIEW),
    answer_models.AgentList: _pages("clinic/agents/", _AGENT),
    answer_models.ProjectList: _pages("", _PROJECT),
    answer_models.DigestList: _pages("clinic/digests/", _DIGEST),
    answer_models.AlertList: {"results": [_ALERT]},
    answer_models.AlertMessageList: {"results": [_ALERT_MESSAGE]},
    answer_models.AlertPreview: _ALERT_PREVIEW,
    answer_models.ThemeTestList: {
        "expected": _THEME_TEST["expected"],
        "results": [_THEME_TEST],
    },
    answer_models.About: _ABOUT,
    answer_models.ImportReport: _IMPORT_REPORT,
    answer_models.Observed: _OBSERVED,
    answer_models.Delivered: _DELIVERED,
    answer_models.Problem: _PROBLEM,
    answer_models.Health: answer_models.Health(status="ok"),
}
