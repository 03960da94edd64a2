"""Remember who is signed in on the pages, in a signed cookie."""

import os
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from failure_insights.settings import Settings

COOKIE = "failure_insights_session"
SESSION = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in: with an API key, or with the one-time link (None)."""

    #: By which signing out ends it.
    id: str
    key_id: int | None


def read_session(request: Request) -> Session | None:
    """Return the session of the request's cookie, or None if it has no valid one.

    Whether it was signed out of since, the store knows.
    """
    signer = _signer(request.app.state.settings)
    try:
        fields = signer.loads(request.cookies.get(COOKIE, ""), max_age=int(SESSION.total_seconds()))
        return Session(**fields)
    except (BadSignature, TypeError):
        # A TypeError: an earlier version signed the cookie, with other fields.
        return None


def begin_session(request: Request, response: Response, key_id: int | None) -> Response:
    """Have the browser send a new session with its next requests.

    Args:
        key_id: of the API key that was shown; None: the one-time link was opened.
    """
    session = Session(secrets.token_urlsafe(16), key_id)
    response.set_cookie(
        COOKIE,
        _signer(request.app.state.settings).dumps(asdict(session)),
        max_age=int(SESSION.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )
    return response


def remove_cookie(response: Response) -> Response:
    """Have the browser forget the session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


def _is_https(request: Request) -> bool:
    """Whether the browser came by HTTPS, here or at a proxy before us. Believing a forged header
    costs its sender a cookie and nobody else anything."""
    return "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto"))


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    given = settings.session_secret
    secret = given.get_secret_value() if given else _secret_under(settings.home)
    return URLSafeTimedSerializer(secret, salt="failure-insights session")


@cache
def _secret_under(home: Path) -> str:
    """Return the secret kept under `home`, made once and shared by all processes."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "session_secret"
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48))
    try:
        # A link, unlike a rename, never replaces the secret of a process that came first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
