"""Webhooks of providers: with a key, or signed as the provider signs."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.datastructures import Headers

from failure_insights.store.sources import NewSource, SourceKind, add_source, find_source
from failure_insights.web.api.webhook_signatures import is_genuine
from failure_insights_tests.web.api_site import Site, site_of

#: Made with retell-sdk 6.2.13, elevenlabs 2.78.0 and livekit-api 1.2.2, and accepted by each.
SIGNED = json.loads((Path(__file__).parent / "signed_deliveries.json").read_text())
NOW = 1764050401.0


def hmac_of(secret: str, signed: bytes) -> Any:
    return hmac.new(secret.encode(), signed, hashlib.sha256)


def vapi_deliveries() -> list[dict[str, Any]]:
    """Return deliveries as Vapi's credentials make them: a secret, and HMACs of four settings."""
    body, secret = '{"message": {"type": "end-of-call-report"}}', "vapi-secret"
    alone = hmac_of(secret, body.encode())
    timed = hmac_of(secret, f"{NOW:.0f}.{body}".encode())
    headers = [
        {"X-Vapi-Secret": secret},
        {"X-Signature": timed.hexdigest(), "X-Timestamp": f"{NOW:.0f}"},
        {"X-Signature": f"sha256={alone.hexdigest()}"},
        {"X-Vapi-Signature": alone.hexdigest()},
        {"X-Signature": base64.b64encode(alone.digest()).decode()},
    ]
    common = {"kind": "vapi", "secret": secret, "body": body, "now": NOW}
    return [{**common, "headers": each} for each in headers]


def genuine(delivery: Mapping[str, Any], **change: Any) -> bool:
    changed = {**delivery, **change}
    headers = Headers(changed["headers"])
    return is_genuine(
        changed["kind"], changed["secret"], headers, changed["body"].encode(), changed["now"]
    )


@pytest.mark.parametrize(
    "delivery",
    [
        *SIGNED,
        *vapi_deliveries(),
        {
            "kind": "cekura",
            "secret": "s",
            "headers": {"X-CEKURA-SECRET": "s"},
            "body": "{}",
            "now": NOW,
        },
    ],
    ids=lambda delivery: f"{delivery['kind']}-{'-'.join(delivery['headers'])}",
)
def test_only_what_the_provider_signed_with_this_secret_is_genuine(
    delivery: dict[str, Any],
) -> None:
    assert genuine(delivery)
    assert not genuine(delivery, secret=delivery["secret"] + "x")
    assert not genuine(delivery, secret="")
    assert not genuine(delivery, headers={})
    for name, value in delivery["headers"].items():
        for forged in ("", "é", value[:-1], value[:-1] + ("0" if value[-1] != "0" else "1")):
            assert not genuine(delivery, headers={**delivery["headers"], name: forged})
    if "-Secret" not in str(delivery["headers"]).title():
        assert not genuine(delivery, body=delivery["body"] + " ")


@pytest.mark.parametrize(
    ("kind", "too_old_s"), [("retell", 301), ("elevenlabs", 1801), ("livekit", 361)]
)
def test_a_delivery_is_genuine_for_as_long_as_the_provider_s_own_code_says(
    kind: str, too_old_s: int
) -> None:
    delivery = next(each for each in SIGNED if each["kind"] == kind)
    assert genuine(delivery, now=NOW - 1 + too_old_s - 1)
    assert not genuine(delivery, now=NOW - 1 + too_old_s)


def test_a_token_of_livekit_with_another_algorithm_is_refused() -> None:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"exp": NOW + 60, "sha256": base64.b64encode(hashlib.sha256(b"{}").digest()).decode()}
    for algorithm, expected in (("HS256", True), ("none", False), ("HS512", False)):
        signed = f"{part({'alg': algorithm})}.{part(claims)}"
        digest = hmac_of("s", signed.encode()).digest()
        token = f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        headers = Headers({"Authorization": token})
        assert is_genuine("livekit", "s", headers, b"{}", NOW) is expected


STARTED = "2026-11-23T10:30:00Z"
#: A delivery of each provider, and what it says of the call: its ID and agent.
DELIVERIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "vapi": (
        {
            "message": {
                "type": "end-of-call-report",
                "startedAt": STARTED,
                "endedReason": "customer-ended-call",
                "call": {"id": "vapi-1", "assistantId": "asst-1"},
                "artifact": {"messages": [{"role": "bot", "message": "Hello.", "time": 1}]},
            }
        },
        "vapi-1",
        "asst-1",
    ),
    "retell": (
        {
            "event": "call_analyzed",
            "call": {
                "call_id": "retell-1",
                "agent_id": "agent-1",
                "call_status": "ended",
                "start_timestamp": 1795429800000,
                "transcript_object": [{"role": "agent", "content": "Hello.", "words": []}],
            },
        },
        "retell-1",
        "agent-1",
    ),
    "elevenlabs": (
        {
            "type": "post_call_transcription",
            "event_timestamp": 1795429900,
            "data": {
                "conversation_id": "conv-1",
                "agent_id": "agent-2",
                "metadata": {"start_time_unix_secs": 1795429800},
                "transcript": [{"role": "agent", "message": "Hello.", "time_in_call_secs": 0}],
            },
        },
        "conv-1",
        "agent-2",
    ),
    # As `cekura.livekit` posts it.
    "livekit": (
        {
            "agent_id": 77,
            "session_id": "RM_1",
            "session_start": 1795429800.0,
            "session_export": 1795429860.0,
            "sdk_version": "1.6.7",
            "session_report": {
                "job_id": "AJ_1",
                "chat_history": {
                    "items": [
                        {
                            "type": "message",
                            "role": "assistant",
                            "content": ["Hello."],
                            "created_at": 1795429801.0,
                        }
                    ]
                },
            },
            "provider_data": {"custom_metadata": {"campaign": "spring"}},
        },
        "RM_1",
        "77",
    ),
    # As `cekura.pipecat` posts it.
    "pipecat": (
        {
            "agent_id": 78,
            "session_id": "session-1",
            "session_start": "2026-11-23T10:30:00+00:00",
            "session_end": "2026-11-23T10:31:00+00:00",
            "transcript": [
                {
                    "role": "assistant",
                    "content": "Hello.",
                    "started_at": "2026-11-23T10:30:01+00:00",
                    "ended_at": "2026-11-23T10:30:02+00:00",
                }
            ],
            "provider_data": {"session_id": "session-1", "custom_metadata": {}},
        },
        "session-1",
        "78",
    ),
    "cekura": (
        {
            "call_id": "log-1",
            "agent": 79,
            "timestamp": STARTED,
            "transcript_object": [
                {"role": "Main Agent", "content": "Hello.", "start_time": 0, "end_time": 1}
            ],
        },
        "log-1",
        "79",
    ),
}


@pytest.fixture
def site(engine: Engine) -> Site:
    return site_of(engine)


def deliver(site: Site, kind: str, query: str = "", key: str = "clinic", slash: str = "/") -> Any:
    payload, _, _ = DELIVERIES[kind]
    return site.post(f"/observability/v1/{kind}/observe{slash}{query}", payload, key=key)


@pytest.mark.parametrize("kind", DELIVERIES)
def test_each_provider_s_delivery_is_taken_with_a_key_and_a_retry_changes_nothing(
    site: Site, kind: str
) -> None:
    _, call_id, agent = DELIVERIES[kind]
    first = deliver(site, kind)
    assert (first.status_code, first.json()["status"]) == (200, "new")
    assert (first.json()["call_id"], first.json()["agent"]) == (call_id, agent)
    again = deliver(site, kind, slash="")
    assert (again.status_code, again.json()["status"]) == (200, "unchanged")
    assert again.json()["id"] == first.json()["id"]
    call = site.get(f"/api/projects/clinic/calls/{call_id}").json()
    assert call["started_at"].startswith("2026-11-23T10:30:0")
    assert [(turn["role"], turn["content"]) for turn in call["transcript"]] == [("agent", "Hello.")]


def test_json_is_read_though_curl_calls_it_a_form(site: Site) -> None:
    payload, call_id, _ = DELIVERIES["retell"]
    form = {**site.bearer("clinic"), "Content-Type": "application/x-www-form-urlencoded"}
    address, body = "/observability/v1/retell/observe/", f"\n{json.dumps(payload)}"
    taken = site.client.post(address, content=body, headers=form)
    assert (taken.status_code, taken.json()["call_id"]) == (200, call_id)
    refused = site.client.post(address, content="call_id=r-1&x=%7B", headers=form)
    assert refused.status_code == 422


def test_the_query_says_whose_call_it_is(site: Site) -> None:
    unclear = deliver(site, "vapi", key="all")
    assert unclear.status_code == 422
    named = deliver(site, "vapi", "?project=Bank&agent_id=night+line", key="all")
    assert (named.json()["project"], named.json()["agent"]) == ("bank", "night line")
    assert deliver(site, "retell", "?project=bank").status_code == 404
    with site.engine.connect() as connection:
        statement = text("SELECT id FROM agents WHERE name = 'front-desk'")
        front_desk = connection.execute(statement).scalar_one()
    by_number = deliver(site, "retell", f"?agent_id={front_desk}")
    assert by_number.json()["agent"] == "front-desk"


def test_an_event_that_is_no_end_of_a_call_is_passed_over_with_the_reason(site: Site) -> None:
    event = {"event": "room_finished", "room": {"sid": "RM_1"}, "id": "EV_1"}
    answer = site.post("/observability/v1/livekit/observe/", event)
    assert (answer.status_code, answer.json()["status"]) == (200, "passed_over")
    assert "room_finished" in answer.json()["reason"]


@pytest.mark.parametrize("body", ["[]", "{broken", '"text"', '{"call_id": 5}', ""])
def test_what_is_no_call_is_refused_with_the_reason(site: Site, body: str) -> None:
    headers = {**site.bearer("clinic"), "Content-Type": "application/json"}
    answer = site.client.post("/observability/v1/vapi/observe/", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def webhook(site: Site, kind: SourceKind, **fields: Any) -> str:
    """Make a source that sends signed deliveries; return the path of its address."""
    new = NewSource(f"{kind} calls", kind, "webhook", "Clinic", key_env="HOOK_SECRET", **fields)
    with site.engine.begin() as connection:
        source = add_source(connection, new)
    return f"/observability/v1/{kind}/observe/{source.address}/"


def signature_of(kind: str, secret: str, body: bytes) -> dict[str, str]:
    """Return the headers with which a provider signs a body now."""
    now = int(time.time())
    signers: dict[str, Callable[[], dict[str, str]]] = {
        "vapi": lambda: {"X-Vapi-Secret": secret},
        "retell": lambda: {
            "X-Retell-Signature": f"v={now}000,d="
            + hmac_of(secret, body + f"{now}000".encode()).hexdigest()
        },
        "elevenlabs": lambda: {
            "ElevenLabs-Signature": f"t={now},v0="
            + hmac_of(secret, f"{now}.".encode() + body).hexdigest()
        },
        "cekura": lambda: {"X-CEKURA-SECRET": secret},
    }
    return signers[kind]()


@pytest.mark.parametrize("kind", ["vapi", "retell", "elevenlabs", "cekura"])
def test_a_signed_delivery_needs_no_key_and_goes_where_its_source_says(
    site: Site, kind: SourceKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "the secret")
    path = webhook(site, kind, agent="hotline")
    payload, call_id, _ = DELIVERIES[kind]
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = signature_of(kind, "the secret", body)
    for status in ("new", "unchanged"):
        answer = site.client.post(f"{path}?project=bank", content=body, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert (answer.json()["project"], answer.json()["agent"]) == ("clinic", "hotline")
    assert site.get(f"/api/projects/clinic/calls/{call_id}").status_code == 200
    with site.engine.connect() as connection:
        source = find_source(connection, f"{kind} calls")
    assert (source.new_calls, source.updated_calls, source.last_error) == (1, 0, "")

    forged = site.client.post(path, content=body, headers=signature_of(kind, "a guess", body))
    assert (forged.status_code, forged.json()["code"]) == (401, "delivery_not_signed")
    elsewhere = path.replace(path.split("/")[-2], "A" * 16)
    assert site.client.post(elsewhere, content=body, headers=headers).status_code == 401
    other = path.replace(f"/{kind}/", "/livekit/")
    assert site.client.post(other, content=body, headers=headers).status_code == 401


def test_a_secret_that_is_not_set_is_no_fault_of_the_provider(site: Site) -> None:
    path = webhook(site, "vapi")
    answer = site.client.post(path, content=b"{}", headers={"X-Vapi-Secret": ""})
    assert (answer.status_code, answer.json()["code"]) == (503, "webhook_secret_not_set")


def test_a_signed_delivery_that_cannot_be_read_is_counted_with_its_reason(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s")
    path = webhook(site, "vapi")
    body = b'{"message": {"type": "end-of-call-report", "call": {"id": "v-1"}}}'
    answer = site.client.post(path, content=body, headers={"X-Vapi-Secret": "s"})
    assert answer.status_code == 422
    with site.engine.connect() as connection:
        source = find_source(connection, "vapi calls")
    assert source.rejected == 1
    assert source.last_error == answer.json()["detail"]


def test_no_word_of_a_delivery_is_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s")
    path = webhook(site, "vapi")
    caplog.set_level("DEBUG")
    for body in ('{"message": "secret words"', '{"message": {"call": {"id": "secret words"}}}'):
        for secret in ("s", "wrong"):
            site.client.post(path, content=body.encode(), headers={"X-Vapi-Secret": secret})
    assert "was not signed" in caplog.text
    assert "secret words" not in caplog.text


def test_a_webhook_has_a_share_of_requests_of_its_own(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s")
    site = site_of(engine, requests_per_minute=2)
    path = webhook(site, "vapi")
    answers = [site.client.post(path, content=b"{}").status_code for _ in range(3)]
    assert answers == [401, 401, 429]
