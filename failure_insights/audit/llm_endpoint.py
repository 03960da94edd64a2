"""Open the LLM endpoint that the settings name."""

from contextlib import AbstractAsyncContextManager

from sqlalchemy import Engine

from failure_insights.llm import Endpoint, open_endpoint
from failure_insights.settings import Settings
from failure_insights.store.llm_capabilities import StoredCapabilities


def endpoint_of(settings: Settings, engine: Engine) -> AbstractAsyncContextManager[Endpoint]:
    """Open the endpoint in the running event loop; what its models understand is kept in the store.

    The client and its limit of concurrent requests last as long as the block.
    """
    return open_endpoint(
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key,
        concurrency=settings.llm_concurrency,
        timeout_s=settings.llm_timeout_seconds,
        memory=StoredCapabilities(engine),
    )
