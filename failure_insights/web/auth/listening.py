"""Check that a key exists before the web server listens where other machines reach it."""

import ipaddress

from sqlalchemy import Engine

from failure_insights.errors import BadInput
from failure_insights.store.keys import has_key_in_force


def require_key_beyond_loopback(engine: Engine, host: str) -> None:
    """Refuse to listen where other machines reach us, as long as no API key is configured.

    Raises:
        BadInput: `host` is not loopback and the store holds no key that is not revoked.
    """
    if is_loopback(host):
        return
    with engine.connect() as connection:
        if has_key_in_force(connection):
            return
    raise BadInput(
        f"Listening on {host} would show every call to the network, and no API key is configured. "
        "Make one first: failure-insights keys create NAME. Or listen on 127.0.0.1.",
        code="no_api_key",
    )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
