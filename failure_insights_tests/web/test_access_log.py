"""What the server writes down of its requests."""

import logging
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights_tests.web.api_site import site_of
from failure_insights_tests.web.browsing import serving


def test_uvicorn_logs_routes_and_no_id_name_or_token(
    engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = site_of(engine).keys
    with serving(engine, Settings(home=tmp_path), log_level="info") as site:
        link = site.sign_in_link()
        with httpx2.Client(base_url=site.url, follow_redirects=True) as client:
            client.get(link)
            client.get("/projects/clinic/calls/a%2F1?insight=7")
            client.get("/nobody@example.com/")
            client.get(
                "/api/projects/clinic/metric_failure_mode_insights/?view=secret",
                headers={"X-CEKURA-API-KEY": keys["clinic"]},
            )
            client.get("/api/projects/clinic/calls/a3/")
    log = capfd.readouterr().out
    assert '"GET /sign-in HTTP/1.1" 303' in log
    assert '"GET /projects/{project}/calls/{call_id:path} HTTP/1.1" 200' in log
    assert '"GET * HTTP/1.1" 404' in log
    assert '"GET /api/projects/{project}/metric_failure_mode_insights/ HTTP/1.1" 404' in log
    assert '"GET * HTTP/1.1" 401' in log
    for word in (urlsplit(link).query, "a/1", "clinic", "nobody", "secret", keys["clinic"]):
        assert word not in log
    assert logging.getLogger("uvicorn.access").filters == []
