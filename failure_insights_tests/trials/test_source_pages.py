"""Each page of docs/sources, run as it is printed: its commands, requests and code."""

import json
import re
import shlex
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine

from failure_insights.settings import Settings
from failure_insights.store.keys import create_key
from failure_insights.web.app import create_app
from failure_insights_tests.documents import TOP
from failure_insights_tests.ports import free_port
from failure_insights_tests.pull.providers import (
    FakeCall,
    FakeElevenLabs,
    FakeRetell,
    FakeVapi,
)
from failure_insights_tests.pull.server import ProviderServer
from failure_insights_tests.pull.tracing import FakeLangfuse4, FakePhoenix
from failure_insights_tests.trials.commands import command, environment_of
from failure_insights_tests.web.test_webhooks import DELIVERIES

pytestmark = pytest.mark.slow

PAGES = sorted((TOP / "docs" / "sources").glob("*.md"))
HERE = "http://127.0.0.1:8000"
FIXTURES = Path(__file__).parent.parent / "pull" / "fixtures"
#: Every variable that the pages name; the value is what the tests' servers take.
VARIABLES = ("VAPI_API_KEY", "RETELL_API_KEY", "ELEVENLABS_API_KEY", "PHOENIX_API_KEY")
USERS = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")


def held() -> list[FakeCall]:
    start = datetime.now(UTC) - timedelta(hours=2)
    return [FakeCall(f"c{n}", start, start + timedelta(minutes=n)) for n in range(3)]


FAKES: Mapping[str, Any] = {
    "vapi": FakeVapi,
    "retell": FakeRetell,
    "elevenlabs": FakeElevenLabs,
    "langfuse": FakeLangfuse4,
    "phoenix": FakePhoenix,
}


def exported(kind: str) -> Any:
    """Return one call as a file of the provider has it."""
    if kind in ("langfuse", "phoenix"):
        name = {"langfuse": "langfuse_3_trace", "phoenix": "phoenix_session"}[kind]
        return json.loads((FIXTURES / f"{name}.json").read_text())
    if kind == "livekit":
        return {"call_id": "lk-1", **DELIVERIES[kind][0]["session_report"]}
    if kind == "pipecat":
        body, call_id, _ = DELIVERIES[kind]
        messages = [{"role": "assistant", "content": "Hello."}]
        return {"call_id": call_id, "started_at": body["session_start"], "messages": messages}
    return DELIVERIES[kind][0]


#: What an agent's own code sends to Cekura's observe address.
SENT_TO_CEKURA = {
    "call_id": "c-9",
    "agent": 12,
    "transcript_type": "vapi",
    "transcript_json": [{"role": "bot", "message": "Hello."}],
}


@dataclass
class Reader:
    """Somebody who follows a page, in a folder with the files that it speaks of."""

    kind: str
    folder: Path
    environment: Mapping[str, str]
    site: str
    key: str
    provider: str

    def follow(self, line: str) -> str:
        """Run one line; return what it prints."""
        filled = line.replace("$KEY", self.key).replace(HERE, self.site)
        words = shlex.split(filled, comments=True)
        if words[0] == "curl":
            return self._request(words[1:])
        assert words[0] == "failure-insights", line
        if words[1:3] == ["sources", "add"] and "--webhook" not in words:
            words = [word.replace("http://127.0.0.1:6006", self.provider) for word in words]
            if "--base-url" not in words:
                words += ["--base-url", self.provider]
        named = [str(self.folder / word) if word == "calls.json" else word for word in words]
        done = command(self.environment, *named[1:])
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        return done.stdout

    def _request(self, words: Sequence[str]) -> str:
        """Do what curl would do."""
        headers, form, files, body, url = {}, {}, {}, None, ""
        rest = iter(words)
        for word in rest:
            match word:
                case "-X":
                    assert next(rest) == "POST"
                case "-H":
                    name, _, value = next(rest).partition(":")
                    headers[name] = value.strip()
                case "-d":
                    body = next(rest).encode()
                case "--data-binary":
                    body = (self.folder / next(rest).removeprefix("@")).read_bytes()
                case "-F":
                    name, _, value = next(rest).partition("=")
                    if value.startswith("@"):
                        content = (self.folder / value[1:]).read_bytes()
                        files[name] = (value[1:], content, "audio/mpeg")
                    else:
                        form[name] = value
                case _:
                    url = word
        if body is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        answer = httpx.post(url, headers=headers, content=body, data=form, files=files or None)
        assert answer.is_success, answer.text
        return answer.text


@contextmanager
def serving(engine: Engine) -> Iterator[str]:
    """Serve the web application of the store until the block ends."""
    port = free_port()
    config = uvicorn.Config(create_app(engine, Settings()), port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def following(kind: str, engine: Engine, database_url: str, folder: Path) -> Iterator[Reader]:
    """Serve the site and the provider, and lay out the files that the pages speak of."""
    for name in ("report", kind):
        (folder / f"{name}.json").write_text(json.dumps(DELIVERIES.get(kind, ({},))[0]))
    (folder / "cekura.json").write_text(json.dumps(SENT_TO_CEKURA))
    (folder / "calls.json").write_text(json.dumps(exported(kind)) + "\n")
    (folder / "recording.mp3").write_bytes(b"\xff\xfb\x90\x00")
    environment = environment_of(folder, database_url=database_url)
    environment |= dict.fromkeys((*VARIABLES, *USERS), "key")
    with engine.begin() as connection:
        key = create_key(connection, "reader", ["Clinic"])
    with ExitStack() as stack:
        site = stack.enter_context(serving(engine))
        fake = FAKES.get(kind, lambda _: None)(held())
        provider = stack.enter_context(ProviderServer(fake)).url
        yield Reader(kind, folder, environment, site, key, provider)


@pytest.fixture
def reader(
    request: pytest.FixtureRequest, engine: Engine, database_url: str, tmp_path: Path
) -> Iterator[Reader]:
    with following(request.param.stem, engine, database_url, tmp_path) as reader:
        yield reader


@pytest.mark.parametrize("reader", PAGES, indirect=True, ids=lambda page: page.stem)
def test_a_page_works_as_it_is_printed(reader: Reader) -> None:
    page = (TOP / "docs" / "sources" / f"{reader.kind}.md").read_text()
    for language, block in re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL):
        if language == "python":
            compile(block, reader.kind, "exec")
            continue
        assert language == "bash"
        for line in block.splitlines():
            printed = reader.follow(line)
            if " import " in line:
                assert re.search(r"\b[01] new, [01] updated, [01] unchanged, 0 rejected", printed)
            elif " pull " in line:
                assert "3 new, 0 updated, 0 unchanged, 0 rejected" in printed
            elif "--webhook" in line:
                assert re.fullmatch(rf"\S+/observability/v1/{reader.kind}/observe/\S+/\n", printed)
            elif line.startswith("curl"):
                assert json.loads(printed)["status"] == "new"


@pytest.mark.parametrize("kind", [*FAKES, "livekit", "pipecat", "cekura"])
def test_the_line_of_each_provider_in_the_readme_works_as_it_is_printed(
    kind: str, engine: Engine, database_url: str, tmp_path: Path
) -> None:
    readme = (TOP / "README.md").read_text().replace(".venv/bin/", "")
    (section,) = re.findall(r"### As they come\n(.*?)\n##", readme, re.DOTALL)
    lines = "\n".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL)).splitlines()
    (line,) = (each for each in lines if f"add {kind} " in each or f"@{kind}.json" in each)
    with following(kind, engine, database_url, tmp_path) as reader:
        printed = reader.follow(line)
    assert printed == f"{kind}\n" or json.loads(printed)["status"] == "new"


def test_every_kind_of_source_has_its_page() -> None:
    assert {page.stem for page in PAGES} == {*DELIVERIES, *FAKES}
