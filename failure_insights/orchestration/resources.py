"""What assets, schedules and sensors are given: the settings, the store, the auditor."""

from functools import partial

import dagster as dg
from sqlalchemy import Engine

from failure_insights.audit.compose import open_auditor
from failure_insights.audit.run_audits import OpenAuditor
from failure_insights.settings import Settings, get_settings
from failure_insights.store.database import engine_for
from failure_insights.store.opening import store_url
from failure_insights.store.schema import migrate

_migrated: set[str] = set()


@dg.resource(description="The settings of the process, which come from its environment.")
def process_settings() -> Settings:
    return get_settings()


class StoreResource(dg.ConfigurableResource[Engine]):
    """Gives the store that the settings name. It takes no configuration from a run's launcher."""

    def engine(self) -> Engine:
        """Return the engine of the store, its schema up to date."""
        settings = get_settings()
        url = store_url(settings.database_url, settings.home)
        engine = engine_for(url)
        if url not in _migrated:
            migrate(engine)
            _migrated.add(url)
        return engine


class AuditorResource(dg.ConfigurableResource[OpenAuditor]):
    """Gives the auditor that the settings name."""

    def auditor(self, engine: Engine) -> OpenAuditor:
        """Return what opens the auditor, in the event loop of the audits."""
        return partial(open_auditor, get_settings(), engine)
