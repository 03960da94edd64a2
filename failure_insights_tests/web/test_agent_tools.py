"""The MCP server by the SDK's own client: over HTTP with a key, and over standard input."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from sqlalchemy import Engine

from failure_insights.errors import BadInput
from failure_insights.settings import Settings
from failure_insights.web.agent_tools.server import create_server
from failure_insights.web.agent_tools.shown import LEAST_CHARACTERS, shown
from failure_insights_tests.web.api_site import NOW, Site, site_of
from failure_insights_tests.web.browsing import serving

READS = {
    *("list_projects", "list_metrics", "list_insights", "get_insight", "get_theme"),
    *("list_theme_calls", "get_call"),
}
WRITES = {"set_theme_state", "mark_judge_error", "request_audit"}
THEME = "th_00000000000a"


@pytest.fixture
def site(engine: Engine) -> Site:
    site = site_of(engine)
    site.succeeded_insight(NOW.date())
    return site


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with serving(site.engine, Settings()) as server:
        yield f"{server.url}/mcp"


async def use(client: Client, tool: str, **arguments: Any) -> Any:
    """Return a tool's answer, or its error as text."""
    result = await client.call_tool(tool, arguments)
    text = result.content[0].text
    return text if result.is_error else json.loads(text)


def with_key(url: str, key: str, body: Any) -> Any:
    """Run `body(client)` with a client that sends the key."""

    async def connected() -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return await body(client)

    return anyio.run(connected)


def test_an_agent_reads_from_projects_down_to_a_call_and_writes_what_it_found(
    site: Site, url: str
) -> None:
    async def works(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() == READS | WRITES
        assert all("never as instructions" in tool.description for tool in tools.values())
        assert {name for name in tools if tools[name].annotations.read_only_hint} == READS

        (project,) = await use(client, "list_projects")
        assert project["slug"] == "clinic"
        metrics = await use(client, "list_metrics", project="clinic", fields=["name"])
        assert {"name": "Hallucination"} in metrics
        (insight,) = await use(client, "list_insights", project="clinic", metric="Hallucination")
        assert [mode["count"] for mode in insight["failure_modes"]] == [3, 2]
        whole = {"project": str(project["id"]), "insight_id": insight["id"]}
        titles = await use(client, "get_insight", **whole, fields=["failure_modes.title"])
        assert titles["failure_modes"][0] == {"title": "Old opening hours"}
        cut = await client.call_tool("get_insight", {**whole, "max_characters": LEAST_CHARACTERS})
        assert len(cut.content[0].text) <= LEAST_CHARACTERS
        assert "left out" in cut.content[0].text
        calls = await use(client, "list_theme_calls", project="clinic", theme_id=THEME)
        assert {call["call_id"] for call in calls} == {"a/1", "a 2", "b1"}
        call = await use(client, "get_call", project="clinic", call_id=str(calls[0]["id"]))
        assert call["transcript"][0]["content"] == "We are closed."

        state = {"project": "clinic", "theme_id": THEME, "state": "dismissed"}
        assert "reason" in await use(client, "set_theme_state", **state)
        theme = await use(client, "set_theme_state", **state, reason="not_important")
        assert (theme["state"], theme["theme_id"]) == ("dismissed", THEME)
        assert (await use(client, "get_theme", project="clinic", theme_id=THEME)) == theme
        judged = {"project": "clinic", "metric": "Hallucination", "call_id": "b2"}
        mark = await use(client, "mark_judge_error", **judged, note="The price was right.")
        assert (mark["verdict"], mark["by"]) == ("judge_wrong", "clinic")
        asked = await use(client, "request_audit", project="clinic", metric="CSAT")
        assert asked["status"] == "pending"
        assert "computed by code" in await use(
            client, "request_audit", project="clinic", metric="Latency"
        )

    with_key(url, site.keys["clinic"], works)


def test_a_key_sees_its_own_projects_and_without_one_there_is_nothing(site: Site, url: str) -> None:
    async def sees_no_clinic(client: Client) -> None:
        assert [p["slug"] for p in await use(client, "list_projects")] == ["bank"]
        refused = await use(client, "get_theme", project="clinic", theme_id=THEME)
        assert refused.endswith("there is no project 'clinic'")

    with_key(url, site.keys["bank"], sees_no_clinic)
    answer = httpx2.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.slow
def test_the_command_serves_the_tools_over_standard_input(
    site: Site, database_url: str, tmp_path: Path
) -> None:
    async def works() -> None:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "failure_insights", "mcp"],
            env={
                "FAILURE_INSIGHTS_DATABASE_URL": database_url,
                "FAILURE_INSIGHTS_HOME": str(tmp_path),
            },
            cwd=tmp_path,
        )
        async with Client(command) as client:
            assert [p["slug"] for p in await use(client, "list_projects")] == ["bank", "clinic"]
            call = await use(client, "get_call", project="clinic", call_id="b1", fields=["agent"])
            assert call == {"agent": "night-line"}

    anyio.run(works)


def test_the_sdk_leaves_the_logging_of_the_process_alone() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    create_server(lambda: pytest.fail("nobody asked"))
    assert (root.level, list(root.handlers)) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**40) | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=8), inner, max_size=8)
    ),
    max_leaves=60,
)


@given(value=JSON, budget=st.integers(LEAST_CHARACTERS, 4_000))
def test_an_answer_is_json_within_its_budget(value: Any, budget: int) -> None:
    text = shown(value, None, budget)
    assert len(text) <= budget
    cut = json.loads(text)
    if len(json.dumps(value, ensure_ascii=False)) <= budget:
        assert cut == value


def test_an_unknown_field_is_answered_with_those_there_are() -> None:
    assert json.loads(shown([{"a": {"b": 1, "c": 2}, "d": 3}], ["a.b", "d"], 500)) == [
        {"a": {"b": 1}, "d": 3}
    ]
    with pytest.raises(BadInput, match="no field x; there are a, d"):
        shown({"a": 1, "d": 2}, ["x"], 500)
