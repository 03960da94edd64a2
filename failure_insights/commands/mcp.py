"""`failure-insights mcp`: the tools for coding agents over standard input and output."""

from failure_insights.settings import get_settings
from failure_insights.store.opening import open_store
from failure_insights.web.agent_tools.server import create_server


def serve_agent_tools() -> None:
    """Serve the tools until the client closes standard input."""
    settings = get_settings()
    engine = open_store(settings.database_url, settings.home)
    create_server(lambda: engine).run("stdio")
