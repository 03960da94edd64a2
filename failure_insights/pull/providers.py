"""The providers that can be asked for calls, and those that can send them: what each needs."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from failure_insights.errors import BadInput
from failure_insights.pull.api import FIRST_PAUSE_S, Api, KeyRefused
from failure_insights.pull.elevenlabs import ElevenLabs
from failure_insights.pull.langfuse import Langfuse
from failure_insights.pull.phoenix import Phoenix
from failure_insights.pull.provider import Provider
from failure_insights.pull.retell import Retell
from failure_insights.pull.vapi import Vapi
from failure_insights.store.sources import SourceKind, SourceRow

#: Returns a secret by the name of its variable, or None where it is not set.
Secrets = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a provider needs that is asked for calls.

    `key_env`, `user_env`: the variables that its own tools read its key (and user) from.
    `only`: what `--only` names there. `headers` makes the request's headers from both secrets.
    """

    base_url: str
    key_env: str
    only: str
    headers: Callable[[str, str | None], dict[str, str]]
    make: Callable[[Api, str | None], Provider]
    user_env: str | None = None
    needs_key: bool = True


def _bearer(key: str, _user: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _basic(key: str, user: str | None) -> dict[str, str]:
    """Return Langfuse's header; the key's variable may hold both keys, as `PUBLIC:SECRET`."""
    both = key if ":" in key else f"{user}:{key}"
    return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


PULLED: Mapping[SourceKind, Pulled] = {
    "vapi": Pulled("https://api.vapi.ai", "VAPI_API_KEY", "an assistant's ID", _bearer, Vapi),
    "retell": Pulled(
        "https://api.retellai.com", "RETELL_API_KEY", "an agent's ID", _bearer, Retell
    ),
    "elevenlabs": Pulled(
        "https://api.elevenlabs.io",
        "ELEVENLABS_API_KEY",
        "an agent's ID",
        lambda key, _user: {"xi-api-key": key},
        ElevenLabs,
    ),
    "langfuse": Pulled(
        "https://cloud.langfuse.com",
        "LANGFUSE_SECRET_KEY",
        "an environment",
        _basic,
        Langfuse,
        user_env="LANGFUSE_PUBLIC_KEY",
    ),
    "phoenix": Pulled(
        "http://127.0.0.1:6006",
        "PHOENIX_API_KEY",
        "a project",
        _bearer,
        Phoenix,
        needs_key=False,
    ),
}

#: Variable of the signing secret of each provider whose webhooks are signed.
SIGNED: Mapping[SourceKind, str] = {
    "vapi": "VAPI_WEBHOOK_SECRET",
    # Retell signs with the API key that has the webhook badge.
    "retell": "RETELL_API_KEY",
    "elevenlabs": "ELEVENLABS_WEBHOOK_SECRET",
    "livekit": "LIVEKIT_API_SECRET",
    "cekura": "CEKURA_WEBHOOK_SECRET",
}


def provider_of(
    source: SourceRow, client: httpx.Client, secrets: Secrets, first_pause_s: float = FIRST_PAUSE_S
) -> tuple[Provider, Api]:
    """Return the client of a source's provider, and the API that it asks.

    Raises:
        KeyRefused: a variable that holds a key is not set in this process.
    """
    pulled = PULLED[source.kind]
    key = secrets(source.key_env) if source.key_env else None
    user = secrets(source.user_env) if source.user_env else None
    if key is None and (pulled.needs_key or source.key_env):
        raise KeyRefused(
            f"the variable {source.key_env} is not set in this process", code="key_not_set"
        )
    api = Api(
        source.base_url or pulled.base_url, pulled.headers(key or "", user), client, first_pause_s
    )
    return pulled.make(api, source.only_id), api


def checked_base_url(url: str) -> str:
    """Return a base URL without the slash at its end.

    Raises:
        BadInput: it is no address of HTTP, or holds more than an address.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_address = False
    if not is_address:
        raise BadInput(
            f"{url[:80]!r} is no base URL, such as https://langfuse.example.com",
            code="bad_base_url",
        )
    if parts.username or parts.password:
        raise BadInput(
            "a base URL holds no user or password; name the key's variable instead",
            code="bad_base_url",
        )
    if parts.query or parts.fragment:
        raise BadInput("a base URL ends with its path, without ? and #", code="bad_base_url")
    return url.rstrip("/")
