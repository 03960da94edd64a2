"""The page about the API: its document is the server's, and its examples run."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights_tests.documents import OPENAPI, TOP, openapi
from failure_insights_tests.web.api_site import NOW, site_of
from failure_insights_tests.web.browsing import serving

PAGE = (TOP / "docs" / "api.md").read_text()


def example(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


def test_the_document_in_the_repository_is_the_server_s() -> None:
    assert OPENAPI.read_text() == openapi(), "run python -m failure_insights_tests.documents"


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        pytest.param(
            ["bash", "-euo", "pipefail", "-c", example("bash")],
            '"title":"Old opening hours"',
            marks=pytest.mark.skipif(not shutil.which("curl"), reason="no curl here"),
        ),
        ([sys.executable, "-c", example("python")], "Hallucination\t3\tOld opening hours\n"),
    ],
    ids=["curl", "python"],
)
def test_the_examples_run(engine: Engine, command: list[str], printed: str) -> None:
    site = site_of(engine)
    site.succeeded_insight(NOW.date())
    with serving(engine, Settings()) as server:
        ended = subprocess.run(
            command,
            env={**os.environ, "URL": server.url, "KEY": site.keys["clinic"]},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert printed in ended.stdout
