"""Make and redeem the one-time link that `up` prints: whoever opens it first is signed in."""

import hashlib
import secrets
import time
from pathlib import Path
from urllib.parse import urlencode

from failure_insights.settings import Settings

LINK_S = 24 * 3600


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
    """Return the seconds since a file was made."""
    return time.time() - path.stat().st_mtime
