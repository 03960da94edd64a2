"""One transaction of the store, for commands that do one small thing there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from failure_insights.commands.terminal import plain_errors

if TYPE_CHECKING:
    from sqlalchemy import Connection


@contextmanager
def store_transaction() -> Iterator["Connection"]:
    """Open a transaction of the store; what goes wrong is said in a sentence."""
    with plain_errors():
        from failure_insights.settings import get_settings
        from failure_insights.store.opening import open_store

        settings = get_settings()
        engine = open_store(settings.database_url, settings.home)
        with engine.begin() as connection:
            yield connection
