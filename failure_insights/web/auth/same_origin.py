"""Take forms from our own pages only (CSRF), by headers that browsers set themselves.

Other sites cannot forge `Sec-Fetch-Site` and `Origin`, nor can another port of this machine, which
shares our cookies. All browsers send the first since March 2023, but not over plain HTTP to another
machine; there and before, `Origin` comes with every POST. Go's net/http (CrossOriginProtection) and
Rails 8.2 check the same two; a request that has neither is refused here, since no program signs in.
"""

from urllib.parse import urlsplit

from fastapi import Request

from failure_insights.errors import FailureInsightsError

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: `none`: the visitor did it, such as sending a form again by reloading.
_OURS = ("same-origin", "none")


class ForgedForm(FailureInsightsError):
    """A form that did not come from one of our pages."""

    code = "forged_form"


def require_own_form(request: Request) -> None:
    """Raise ForgedForm where another site, or another port of this one, sends the request."""
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site in _OURS or (site is None and _is_of_our_host(request)):
        return
    raise ForgedForm(
        "This form was not sent by a page of this site. Go back, reload the page and send it "
        "again. Behind a proxy, set FAILURE_INSIGHTS_PUBLIC_URL to the address that people open."
    )


def _is_of_our_host(request: Request) -> bool:
    """Whether `Origin` names the host that was asked, or the one that people open.

    Its scheme is not compared: a proxy may have taken HTTPS off.
    """
    public_url = request.app.state.settings.public_url
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    return bool(origin) and origin in (request.headers.get("Host"), urlsplit(public_url).netloc)
