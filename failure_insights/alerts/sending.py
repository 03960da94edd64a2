"""Send one message: to a service by Apprise, or to a webhook, signed.

Addresses and secrets come from the environment, so only who runs this can name them; private
networks are allowed, since chat servers live there. What is refused: addresses of the cloud's
metadata (link-local), services of this machine itself, and redirects, which would carry the
message elsewhere. No address is ever part of an error, for it may hold a secret.
"""

import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import orjson

from failure_insights.alerts.messages import Message
from failure_insights.domain.alerts import Channel
from failure_insights.errors import BadInput

#: Returns the value of an environment variable, or None.
Secrets = Callable[[str], str | None]

TIMEOUT_S = 20.0
#: Schemes of Apprise that reach no further than this machine's desktop and logs.
LOCAL_SCHEMES = frozenset(
    {"dbus", "glib", "gnome", "kde", "macosx", "qt", "windows", "syslog", "blink1"}
)
#: Apprise may be given several addresses in one variable.
MOST_ADDRESSES = 10


class NotDelivered(BadInput):
    """A message did not go out; the reason names neither its address nor a secret."""

    code = "alert_not_delivered"


def send(
    channel: Channel,
    address_env: str,
    secret_env: str | None,
    message: Message,
    message_id: str,
    at: datetime,
    secrets: Secrets,
) -> None:
    """Send a message, once.

    Args:
        message_id: the same at each attempt, so that a webhook's receiver can tell a repetition.

    Raises:
        NotDelivered: it did not go out, with the reason.
    """
    address = _value(address_env, secrets)
    if channel == "apprise":
        _by_apprise(address, address_env, message)
        return
    assert secret_env, "a webhook's rule has a secret"
    secret = _value(secret_env, secrets)
    _to_webhook(address, address_env, secret, message, message_id, at)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a delivery as https://www.standardwebhooks.com says.

    Args:
        secret: any text, or `whsec_` and base64.
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _value(variable: str, secrets: Secrets) -> str:
    value = secrets(variable)
    if not value:
        raise NotDelivered(
            f"{variable} is not set; set it in the environment of Dagster and of the web process, "
            "or in .env",
            code="alert_variable_unset",
        )
    return value


def _by_apprise(addresses: str, variable: str, message: Message) -> None:
    # Imported here: it takes 300 ms, and processes that send nothing need not wait for it.
    import apprise

    asset = apprise.AppriseAsset(
        app_id="Failure Insights",
        app_desc="Failure Insights",
        http_redirects=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    sender = apprise.Apprise(asset=asset)
    given = addresses.split()[:MOST_ADDRESSES]
    for address in given:
        if urlsplit(address).scheme.lower() in LOCAL_SCHEMES:
            raise NotDelivered(f"{variable} names a service of this machine, which is not allowed")
        if not sender.add(address):
            raise NotDelivered(f"{variable} holds no address that Apprise knows")
    for server in sender:
        if host := getattr(server, "host", None):
            _require_reachable(str(host), variable)
    result = sender.notify(
        body=message.body,
        title=message.title,
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
        timeout=TIMEOUT_S,
    )
    if not result:
        raise NotDelivered(
            f"the service that {variable} names took {len(given)} addresses or fewer and did not "
            "accept the message; its address, key or limits may be wrong"
            if len(given) > 1
            else f"the service that {variable} names did not accept the message; its address, key "
            "or limits may be wrong"
        )


def _to_webhook(
    address: str, variable: str, secret: str, message: Message, message_id: str, at: datetime
) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotDelivered(f"{variable} is no address that begins with https:// or http://")
    _require_reachable(parts.hostname, variable)
    body = orjson.dumps(message.payload | {"title": message.title, "text": message.body})
    timestamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "failure-insights",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", address, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except httpx.HTTPError as error:
        raise NotDelivered(
            f"the webhook of {variable} could not be reached ({type(error).__name__})"
        ) from None
    if not 200 <= status < 300:
        raise NotDelivered(f"the webhook of {variable} answered {status}")


def _require_reachable(host: str, variable: str) -> None:
    """Refuse a host whose address is link-local: there the cloud hands out keys."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        raise NotDelivered(f"the host that {variable} names is not known") from None
    for each in found:
        address = ipaddress.ip_address(str(each).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified:
            raise NotDelivered(f"{variable} leads to an address that is not allowed")
