"""Checking that a delivery comes from its provider, exactly as that provider signs.

Each check takes the secret, the headers and the body as they came, and the time now in seconds
since 1970. The schemes are those of the providers' own Python packages, as of the releases named.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers

from failure_insights.store.sources import SourceKind

Check = Callable[[str, Headers, bytes, float], bool]

#: retell-sdk refuses signatures that are older, or come from further ahead.
RETELL_TOLERANCE_S = 5 * 60
#: The elevenlabs package refuses older signatures.
ELEVENLABS_TOLERANCE_S = 30 * 60
#: For Vapi's timestamps, which it leaves to the receiver.
VAPI_TOLERANCE_S = 5 * 60
#: livekit-api's leeway for a token's times.
LIVEKIT_LEEWAY_S = 60


def is_genuine(kind: SourceKind, secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """Return whether a delivery was signed with this secret, as its provider signs."""
    check = _CHECKS.get(kind)
    return bool(secret) and check is not None and check(secret, headers, body, now)


def _vapi(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """A secret in `X-Vapi-Secret`, or an HMAC credential with its default settings.

    The HMAC is of `{timestamp}.{body}` where a timestamp comes along, else of the body; see
    docs.vapi.ai, "Server authentication", and vapi_server_sdk 3.0, HmacAuthenticationPlan.
    """
    if shown := headers.get("x-vapi-secret"):
        return _same(shown, secret)
    signature = headers.get("x-vapi-signature") or headers.get("x-signature") or ""
    timestamp = headers.get("x-timestamp")
    signed = body
    if timestamp is not None:
        if not _is_recent(timestamp, now, VAPI_TOLERANCE_S):
            return False
        signed = timestamp.encode("utf-8", "replace") + b"." + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256)
    signature = signature.removeprefix("sha256=")
    return _same(signature, digest.hexdigest()) or _same(
        signature, base64.b64encode(digest.digest()).decode()
    )


def _retell(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """`X-Retell-Signature: v=MILLISECONDS,d=HEX` of the body and the time (retell-sdk 6.2)."""
    match = re.fullmatch(r"v=(\d{1,16}),d=([0-9a-f]{64})", headers.get("x-retell-signature", ""))
    if not match or abs(now - int(match[1]) / 1000) > RETELL_TOLERANCE_S:
        return False
    expected = hmac.new(secret.encode(), body + match[1].encode(), hashlib.sha256).hexdigest()
    return _same(match[2], expected)


def _elevenlabs(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """`ElevenLabs-Signature: t=SECONDS,v0=HEX` of `{t}.{body}` (elevenlabs 2.78)."""
    parts = headers.get("elevenlabs-signature", "").split(",")
    times = [part[2:] for part in parts if part.startswith("t=")]
    signatures = [part[3:] for part in parts if part.startswith("v0=")]
    if not times or not signatures or not re.fullmatch(r"\d{1,12}", times[-1]):
        return False
    if int(times[-1]) < now - ELEVENLABS_TOLERANCE_S:
        return False
    signed = times[-1].encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return any(_same(signature, expected) for signature in signatures)


def _livekit(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """A JWT in `Authorization` that holds the SHA-256 of the body (livekit-api 1.2)."""
    claims = _claims(headers.get("authorization", "").removeprefix("Bearer ").strip(), secret)
    try:
        starts, ends = float(claims.get("nbf", 0)), float(claims["exp"])
        shown = base64.b64decode(claims["sha256"], validate=True)
    except (KeyError, TypeError, ValueError):
        return False
    is_in_time = starts - LIVEKIT_LEEWAY_S <= now <= ends + LIVEKIT_LEEWAY_S
    return is_in_time and hmac.compare_digest(shown, hashlib.sha256(body).digest())


def _claims(token: str, secret: str) -> Mapping[str, Any]:
    """Return the claims of a JWT that was signed by HS256 with this secret, else none."""
    signed, _, signature = token.rpartition(".")
    expected = hmac.new(secret.encode(), signed.encode("utf-8", "replace"), hashlib.sha256)
    if not _same(signature, base64.urlsafe_b64encode(expected.digest()).decode().rstrip("=")):
        return {}
    try:
        header, claims = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            for part in signed.split(".")
        )
    except ValueError:
        return {}
    is_whole = isinstance(header, dict) and isinstance(claims, dict)
    return claims if is_whole and header.get("alg") == "HS256" else {}


def _cekura(secret: str, headers: Headers, _body: bytes, _now: float) -> bool:
    """The webhook's secret as it is, in `X-CEKURA-SECRET` (docs.cekura.ai, "Webhook format")."""
    return _same(headers.get("x-cekura-secret", ""), secret)


_CHECKS: Mapping[SourceKind, Check] = {
    "vapi": _vapi,
    "retell": _retell,
    "elevenlabs": _elevenlabs,
    "livekit": _livekit,
    "cekura": _cekura,
}


def _same(shown: str, expected: str) -> bool:
    """Compare in a time that tells nothing of the secret."""
    return hmac.compare_digest(shown.encode("utf-8", "replace"), expected.encode())


def _is_recent(timestamp: str, now: float, tolerance_s: float) -> bool:
    """Return whether a time in seconds or milliseconds since 1970 is about now."""
    if not re.fullmatch(r"\d{1,16}", timestamp):
        return False
    moment = int(timestamp)
    seconds = moment / 1000 if moment > 1e11 else moment
    return abs(now - seconds) <= tolerance_s
