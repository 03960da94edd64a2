"""Pulls from a real Phoenix. Run by hand, since Phoenix takes a minute and 850 MB to install:

    python -m failure_insights_tests.trials.phoenix_by_hand [--venv FOLDER]

It installs `arize-phoenix` into a virtual environment of its own (kept, if a folder is named),
starts it, gives it a conversation of two traces with annotations on all levels, and pulls; then it
annotates once more, and pulls again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, text

from failure_insights.pull.pulling import PullReport, pull
from failure_insights.store.opening import open_store
from failure_insights.store.sources import NewSource, add_source, find_source
from failure_insights_tests.ports import free_port

APP = "voice"
BEGAN = datetime.now(UTC) - timedelta(minutes=5)


def main() -> None:
    """Install, start, fill and pull; exit with an error where something is not as it should be."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--venv", type=Path, help="where Phoenix is, or will be, installed")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phoenix = _installed(options.venv or folder / "venv")
        with _server(phoenix, folder / "phoenix") as url:
            engine = open_store(None, folder)
            _trace(url)
            _annotate(url, "trace", trace_id=_id(2), name="Polite", label="fail")
            _annotate(url, "span", span_id=_id(1, 16), name="Relevancy", score=0.4)
            report = _pull(engine, url)
            print(f"first pull: {report.calls.new} new, {report.calls.rejected} rejected")
            assert (report.calls.new, report.calls.rejected) == (1, 0), report
            print(json.dumps(_call(engine), indent=1))
            time.sleep(1)
            _annotate(url, "session", session_id="s-1", name="Expected Outcome", label="pass")
            report = _pull(engine, url)
            print(f"after one more annotation: {report.calls.updated} updated")
            assert report.calls.updated == 1, report
            assert _pull(engine, url).fetched == 0
            expected = {"Polite": False, "Expected Outcome": True}
            assert expected.items() <= _verdicts(engine).items(), _verdicts(engine)
    print("as it should be")


def _installed(venv: Path) -> Path:
    """Return the command of Phoenix, installing it where it is not there."""
    command = venv / "bin" / "phoenix"
    if not command.exists():
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "pip"), "install", "-q", "arize-phoenix"]
        subprocess.run(pip, check=True)
        print(f"installed in {time.monotonic() - started:.0f} s")
    return command


@contextmanager
def _server(command: Path, folder: Path) -> Iterator[str]:
    port = free_port()
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [str(command), "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                if httpx.get(f"{url}/healthz", timeout=1).is_success:
                    break
            except httpx.TransportError:
                assert time.monotonic() < started + 120, "Phoenix did not start"
                time.sleep(0.2)
        print(f"started in {time.monotonic() - started:.0f} s")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _id(number: int, digits: int = 32) -> str:
    return f"{number:0{digits}x}"


def _trace(url: str) -> None:
    """Give Phoenix a session: two traces, whose LLM calls repeat what went before."""
    first = [("system", "You book tables."), ("user", "A table for two?")]
    second = [*first, ("assistant", "For when?"), ("user", "Friday.")]
    spans = [
        *_spans(1, 0, first, "For when?"),
        *_spans(2, 60, second, "We are closed on Fridays."),
    ]
    _posted(url, "/v1/projects", {"name": APP})
    _posted(url, f"/v1/projects/{APP}/spans", {"data": spans})
    # Phoenix takes spans in the background.
    for _ in range(100):
        rows = httpx.get(f"{url}/v1/projects/{APP}/spans").json()["data"]
        if len(rows) == len(spans):
            return
        time.sleep(0.1)
    raise AssertionError("Phoenix did not take the spans")


def _spans(
    number: int, after_s: float, messages: list[tuple[str, str]], answer: str
) -> list[dict[str, Any]]:
    began = BEGAN + timedelta(seconds=after_s)
    common = {
        "start_time": began.isoformat(),
        "end_time": (began + timedelta(seconds=5)).isoformat(),
        "status_code": "OK",
    }
    root = {
        **common,
        "name": "turn",
        "span_kind": "AGENT",
        "context": {"trace_id": _id(number), "span_id": _id(number, 16)},
        "attributes": {
            "session.id": "s-1",
            "input.value": messages[-1][1],
            "output.value": answer,
        },
    }
    given = {
        f"llm.input_messages.{place}.message.{key}": value
        for place, message in enumerate(messages)
        for key, value in zip(("role", "content"), message, strict=True)
    }
    llm = {
        **common,
        "name": "chat",
        "span_kind": "LLM",
        "parent_id": _id(number, 16),
        "context": {"trace_id": _id(number), "span_id": _id(number + 100, 16)},
        "attributes": {
            **given,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": answer,
        },
    }
    return [root, llm]


def _annotate(
    url: str, level: str, *, name: str, label: str = "", score: Any = None, **of: str
) -> None:
    result = {"label": label or None, "score": score, "explanation": "Because."}
    annotation = {"name": name, "annotator_kind": "LLM", "result": result, **of}
    _posted(url, f"/v1/{level}_annotations?sync=true", {"data": [annotation]})


def _posted(url: str, path: str, body: Any) -> None:
    answer = httpx.post(url + path, json=body, timeout=30)
    assert answer.is_success, answer.text


def _pull(engine: Engine, url: str) -> PullReport:
    with engine.begin() as connection:
        names = connection.execute(text("SELECT name FROM sources")).scalars().all()
        if not names:
            since = BEGAN - timedelta(hours=1)
            new = NewSource(
                "phoenix", "phoenix", "pull", "Tables", base_url=url, only_id=APP, since=since
            )
            add_source(connection, new)
        source = find_source(connection, "phoenix")
    return pull(engine, source, now=datetime.now(UTC), secrets=lambda _: None)


def _call(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        turns: list[Any] = connection.execute(text("SELECT turns FROM transcripts")).scalar_one()
        return turns


def _verdicts(engine: Engine) -> dict[str, Any]:
    statement = text(
        "SELECT metric.name, result.passed FROM metric_results AS result"
        " JOIN metrics AS metric ON metric.id = result.metric_id"
    )
    with engine.connect() as connection:
        return {row.name: row.passed for row in connection.execute(statement)}


if __name__ == "__main__":
    main()
