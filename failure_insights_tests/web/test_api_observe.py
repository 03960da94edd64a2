"""Cekura's webhook: calls as its clients and the providers write them."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from failure_insights_tests.sources.fixtures import SAID, TRANSCRIPTS
from failure_insights_tests.web.api_site import Site, site_of

OBSERVE = "/observability/v1/observe/"


@pytest.fixture
def site(engine: Engine) -> Site:
    return site_of(engine)


def body(provider: str = "cekura", **fields: Any) -> dict[str, Any]:
    return {
        "call_id": "call_1",
        "agent": 2421,
        "transcript_type": provider,
        "transcript_json": TRANSCRIPTS[provider],
        "call_ended_reason": "completed",
        "customer_number": "+1234567890",
        "metadata": {"campaign_id": "camp_456"},
        "timestamp": "2026-11-23T10:30:00Z",
        "dynamic_variables": {"order_id": "ORD-1"},
    } | fields


@pytest.mark.parametrize("provider", TRANSCRIPTS)
def test_each_provider_s_transcript_is_stored_as_the_same_turns(site: Site, provider: str) -> None:
    headers = {"X-CEKURA-API-KEY": site.keys["clinic"]}
    sent = site.client.post(OBSERVE, json=body(provider), headers=headers)
    assert sent.status_code == 201
    assert (sent.json()["call_id"], sent.json()["agent"]) == ("call_1", "2421")
    call = site.get("/api/projects/clinic/calls/call_1").json()
    assert [(t["role"], t["content"], t.get("tool_name")) for t in call["transcript"]] == SAID
    assert call["started_at"] == "2026-11-23T10:30:00Z"
    assert call["ended_reason"] == "completed"
    assert call["metadata"] == {
        "campaign_id": "camp_456",
        "customer_number": "+1234567890",
        "dynamic_variables": {"order_id": "ORD-1"},
    }
    again = site.client.post(OBSERVE, json=body(provider), headers=headers)
    assert (again.status_code, again.json()["status"]) == (200, "unchanged")


def test_results_come_with_the_call_or_afterwards(site: Site) -> None:
    with_it = [{"name": "Hallucination", "passed": False, "explanation": "No table."}]
    first = site.post(OBSERVE, body(metrics=with_it))
    assert first.status_code == 201
    after = {"call_id": "call_1", "metrics": [{"name": "CSAT", "passed": True}]}
    second = site.post(OBSERVE, after)
    assert (second.status_code, second.json()["status"]) == (200, "updated")
    assert {m["name"]: m["passed"] for m in second.json()["metrics"]} == {
        "CSAT": True,
        "Hallucination": False,
    }
    call = site.get("/api/projects/clinic/calls/call_1").json()
    assert (len(call["transcript"]), call["ended_reason"]) == (len(SAID), "completed")
    judged = [{"name": "CSAT", "type": "binary_qualitative", "score": 0, "explanation": ["Cross."]}]
    third = site.post(OBSERVE, {"call_id": "call_1", "evaluation": {"metrics": judged}})
    csat = next(m for m in third.json()["metrics"] if m["name"] == "CSAT")
    assert (csat["passed"], csat["explanation"]) == (False, "Cross.")


def test_a_call_without_a_time_keeps_the_time_of_its_first_arrival(site: Site) -> None:
    first = site.post(OBSERVE, body(timestamp=None)).json()
    again = site.post(OBSERVE, body(timestamp=None)).json()
    assert (again["timestamp"], again["status"]) == (first["timestamp"], "unchanged")
    zoneless = site.post(OBSERVE, body(call_id="call_2", timestamp="2026-11-23T10:30:00")).json()
    assert zoneless["timestamp"] == "2026-11-23T10:30:00Z"


@pytest.mark.parametrize("metadata", [None, {"campaign_id": "camp_456"}])
def test_the_recording_s_address_is_kept_with_the_metadata(
    site: Site, metadata: dict[str, str] | None
) -> None:
    address = "https://example.com/call_1.mp3"
    sent = site.post(OBSERVE, body(metadata=metadata, voice_recording_url=address)).json()
    assert {"voice_recording_url": address, **(metadata or {})}.items() <= sent["metadata"].items()


@pytest.mark.parametrize(
    ("timestamp", "started"),
    [
        (1763893800, "2025-11-23T10:30:00Z"),
        (1763893800000, "2025-11-23T10:30:00Z"),
        (1763893800.5, "2025-11-23T10:30:00.500000Z"),
        ("1763893800", "2025-11-23T10:30:00Z"),
        ("2025-11-23T12:30:00+02:00", "2025-11-23T10:30:00Z"),
    ],
)
def test_a_start_may_be_a_number_since_1970(site: Site, timestamp: Any, started: str) -> None:
    assert site.post(OBSERVE, body(timestamp=timestamp)).json()["timestamp"] == started


def test_what_is_not_done_here_is_named(site: Site) -> None:
    asked = body(redact_fields=["person_name"], metric_ids=[3], feedback="rude", trace_id="t-1")
    sent = site.post(OBSERVE, asked)
    assert (sent.status_code, sent.json()["ignored"]) == (201, ["redact_fields", "metric_ids"])
    assert {"feedback": "rude", "trace_id": "t-1"}.items() <= sent.json()["metadata"].items()


def test_a_form_is_taken_as_cekura_s_example_sends_it(site: Site) -> None:
    fields = {
        "agent": "2421",
        "call_id": "conv_1",
        "transcript_type": "elevenlabs",
        "transcript_json": json.dumps(TRANSCRIPTS["elevenlabs"]),
        "timestamp": "2026-11-23T10:30:00Z",
    }
    recording = {"voice_recording": ("conv_1.mp3", b"\xff\xfb\x90\x00" * 100, "audio/mpeg")}
    sent = site.client.post(OBSERVE, data=fields, files=recording, headers=site.bearer("clinic"))
    assert (sent.status_code, sent.json()["agent"]) == (201, "2421")
    call = site.get("/api/projects/clinic/calls/conv_1").json()
    assert [(t["role"], t["content"], t.get("tool_name")) for t in call["transcript"]] == SAID
    again = site.client.post(OBSERVE, data=fields, headers=site.bearer("clinic"))
    assert (again.status_code, again.json()["status"]) == (200, "unchanged")
    no_call = {**fields, "transcript_json": "[{broken"}
    assert site.client.post(OBSERVE, data=no_call, headers=site.bearer("clinic")).status_code == 422


WORDS = [
    {"word": "hello", "punctuated_word": "Hello.", "start": 0.1, "end": 0.4, "speaker": 0},
    {"word": "how", "punctuated_word": "How", "start": 0.5, "end": 0.7, "speaker": 0},
    {"word": "bye", "start": 1.2, "end": 1.4, "speaker": 1},
]


@pytest.mark.parametrize(
    "transcript",
    [
        WORDS,
        {"results": {"channels": [{"alternatives": [{"words": WORDS}]}]}},
        {
            "results": {
                "channels": [
                    {"alternatives": [{"words": WORDS[:2]}]},
                    {"alternatives": [{"words": [{**WORDS[2], "speaker": 0}]}]},
                ]
            }
        },
    ],
    ids=["words", "one channel", "a channel a speaker"],
)
def test_words_of_deepgram_are_put_together_to_turns(site: Site, transcript: Any) -> None:
    sent = site.post(OBSERVE, body(transcript_type="deepgram", transcript_json=transcript))
    assert sent.status_code == 201
    call = site.get("/api/projects/clinic/calls/call_1").json()
    assert call["transcript"] == [
        {"role": "agent", "content": "Hello. How", "start_s": 0.1, "speaker": "speaker 0"},
        {"role": "user", "content": "bye", "start_s": 1.2, "speaker": "speaker 1"},
    ]


def test_the_key_the_call_or_its_agent_tells_the_project(site: Site) -> None:
    unclear = site.post(OBSERVE, body(), key="all")
    assert (unclear.status_code, unclear.json()["code"]) == (422, "project_needed")
    named = site.post(OBSERVE, body(project="Bank"), key="all")
    assert (named.status_code, named.json()["project"]) == (201, "bank")
    by_call = site.post(OBSERVE, {"call_id": "call_1", "metrics": []}, key="all")
    assert by_call.json()["project"] == "bank"
    by_agent = site.post(OBSERVE, body(call_id="call_2"), key="all")
    assert by_agent.json()["project"] == "bank"
    assert site.post(OBSERVE, body(project="bank")).status_code == 404


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"call_id": None}, "call_id"),
        ({"agent": None}, "agent or assistant_id is missing"),
        ({"agent": True}, "agent"),
        ({"transcript_type": "teams"}, "transcript_type 'teams'"),
        ({"transcript_json": {"a": 1}}, "an object, not a list"),
        ({"transcript_json": None}, "transcript_json is missing"),
        ({"timestamp": "yesterday"}, "yesterday"),
        ({"metadata": "text"}, "metadata"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(
    site: Site, change: dict[str, Any], reason: str
) -> None:
    answer = site.post(OBSERVE, body(**change))
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_the_webhook_takes_keys_only(site: Site) -> None:
    assert site.client.post(OBSERVE, json=body()).status_code == 401
    assert site.post(OBSERVE.rstrip("/"), body()).status_code == 201
