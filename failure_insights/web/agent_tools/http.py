"""The MCP server over streamable HTTP, at `/mcp` beside the API and behind the same keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from failure_insights.web.agent_tools.server import create_server

#: The first part of its path, which is all of it.
PART = "mcp"


class AgentTools:
    """An ASGI application: each request stands alone, so that any process may answer it."""

    def __init__(self, api: FastAPI) -> None:
        self._server = create_server(lambda: api.state.engine)
        # The application that this returns has routes of its own; its manager is what is needed.
        self._server.streamable_http_app(
            json_response=True,
            stateless_http=True,
            # The gate has checked the key, which no page of another site can know.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._server.session_manager.handle_request(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests for the block."""
        async with self._server.session_manager.run():
            yield


def add_agent_tools(api: FastAPI) -> None:
    """Add the MCP server to the API; who serves that runs `state.agent_tools` around it."""
    tools = api.state.agent_tools = AgentTools(api)
    api.router.routes.append(Route(f"/{PART}/", tools, methods=["GET", "POST", "DELETE"]))
