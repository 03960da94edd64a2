"""Who is looking: the one-time link, the signed cookie, and the CSRF token of its forms."""

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from failure_insights.errors import FailureInsightsError
from failure_insights.settings import Settings

COOKIE = "failure_insights_session"
SESSION_S = 14 * 24 * 3600
LINK_S = 24 * 3600


class SignInNeeded(FailureInsightsError):
    """Nobody is signed in, or not any more."""


class ForgedForm(FailureInsightsError):
    """A form came without its session's token: from another site, or from an old page."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the signed cookie says.

    `csrf_token` is what every form of this session carries; `key_id` the API key that it was
    opened with, None for the one-time link.
    """

    csrf_token: str
    signed_in: bool = False
    key_id: int | None = None

    def require_csrf(self, token: str) -> None:
        """Raise ForgedForm unless the token is this session's."""
        if not hmac.compare_digest(token.encode(), self.csrf_token.encode()):
            raise ForgedForm(
                "This form is not of your session, or it is from before you signed in. "
                "Go back, reload the page and send it again."
            )


def new_session(*, signed_in: bool = False, key_id: int | None = None) -> Session:
    """Return a session with a fresh token, so that no form from before sign-in is good in it."""
    return Session(secrets.token_urlsafe(24), signed_in, key_id)


def read_session(request: Request) -> Session | None:
    """Return the session of the request's cookie, or None if it has no valid one."""
    try:
        said = _signer(request.app.state.settings).loads(
            request.cookies.get(COOKIE, ""), max_age=SESSION_S
        )
        return Session(**said)
    except (BadSignature, TypeError):
        return None


def keep_session(request: Request, response: Response, session: Session) -> Response:
    """Have the browser send the session with its next requests."""
    response.set_cookie(
        COOKIE,
        _signer(request.app.state.settings).dumps(asdict(session)),
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )
    return response


def _is_https(request: Request) -> bool:
    """Whether the browser came by HTTPS, here or at a proxy before us. Believing a forged header
    costs its sender a cookie and nobody else anything."""
    return "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto"))


def end_session(response: Response) -> Response:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


def make_sign_in_link(settings: Settings, base_url: str) -> str:
    """Return a link that signs in whoever opens it first, within 24 hours.

    Its token is a file under `home`, named by its hash, that opening the link removes: so one
    process can print what another honours, and no two can honour it both.

    Args:
        base_url: where the pages are, such as `http://127.0.0.1:8000`.
    """
    folder = _links(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if _age(old) > LINK_S:
            old.unlink(missing_ok=True)
    token = secrets.token_urlsafe(32)
    (folder / _hash(token)).touch(mode=0o600)
    return f"{base_url.rstrip('/')}/sign-in?{urlencode({'token': token})}"


def redeem_link(settings: Settings, token: str) -> bool:
    """Return whether the token of a sign-in link is good; it is not a second time."""
    path = _links(settings) / _hash(token)
    try:
        fresh = _age(path) <= LINK_S
        path.unlink()
    except FileNotFoundError:
        return False
    return fresh


def _links(settings: Settings) -> Path:
    return settings.home / "sign_in_links"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    given = settings.session_secret
    secret = given.get_secret_value() if given else _secret_under(settings.home)
    return URLSafeTimedSerializer(secret, salt="failure-insights session")


@cache
def _secret_under(home: Path) -> str:
    """Return the secret kept under `home`, made once and shared by all processes."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "session_secret"
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    made.touch(mode=0o600)
    made.write_text(secrets.token_urlsafe(48))
    try:
        # A link, unlike a rename, never replaces the secret of a process that came first.
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return path.read_text()
