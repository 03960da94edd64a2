"""A real browser on a real server: Debian's Chromium, uvicorn in a thread, and what they notice."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights.web.app import create_app
from failure_insights.web.auth.sign_in_link import make_sign_in_link

CHROMIUM = Path("/usr/bin/chromium")
#: On a person's machine the browser may be missing; where CI is true it must not be.
needs_chromium = pytest.mark.skipif(
    not CHROMIUM.exists() and os.environ.get("CI") != "true", reason=f"no browser at {CHROMIUM}"
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Kept after the run, for a person to look at.
SCREENSHOTS = Path("test-output/screenshots")
AXE = Path(__file__).parent / "assets" / "axe.min.js"


@dataclass(frozen=True)
class Site:
    """A running server: its address, its settings and its store."""

    url: str
    settings: Settings
    engine: Engine

    def sign_in_link(self) -> str:
        return make_sign_in_link(self.settings, self.url)


@contextmanager
def serving(engine: Engine, settings: Settings, log_level: str = "error") -> Iterator[Site]:
    """Serve the app on a free port for the block."""
    config = uvicorn.Config(create_app(engine, settings), port=0, log_level=log_level, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Site(f"http://127.0.0.1:{port}", settings, engine)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page of the browser, and everything it should not have done."""

    page: Page
    site: Site
    faults: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, site: Site, **options: Any) -> "Watched":
        """Return a new page of a browser context of its own, signed in by the link."""
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(20_000)
        watched = cls(page, site)
        page.on("console", watched._on_console)
        page.on("pageerror", lambda error: watched.faults.append(f"script: {error}"))
        page.on("request", watched._on_request)
        page.goto(site.sign_in_link())
        return watched

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site.url).netloc:
            self.faults.append(f"request to another host: {request.url}")

    def goto(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def check_accessibility(self) -> None:
        """Note the serious and critical faults that axe-core finds on the page."""
        self.page.evaluate(AXE.read_text())
        violations = self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"
        )
        self.faults += [
            f"axe: {item['id']} ({item['help']}) at {node['html'][:200]}"
            for item in violations
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]

    def check_width(self) -> None:
        """Note a page that must be scrolled sideways."""
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            self.faults.append(f"{self.page.url} is {wide} pixels too wide")
