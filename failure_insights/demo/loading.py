"""Load the demo's calls, metric cards and views into the store."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine

from failure_insights.demo import DEMO_VIEWS, demo_calls, demo_metric_cards
from failure_insights.domain.alerts import AlertKind
from failure_insights.domain.metrics import slugify
from failure_insights.ingest.import_calls import import_calls
from failure_insights.store.alerts import NewRule, add_rule
from failure_insights.store.demo_progress import newest_call
from failure_insights.store.projects import find_project, put_metric, put_view

Say = Callable[[str], None]

DEMO_ALERTS: Mapping[AlertKind, str] = {
    "new_theme": "New themes",
    "digest": "The morning's digest",
}
DEMO_SLUGS = [slugify(name) for name in DEMO_VIEWS]


def load_demo(engine: Engine, say: Say) -> None:
    """Import the demo's calls, metric cards and views, unless they are there already."""
    with engine.connect() as connection:
        is_loaded = newest_call(connection, DEMO_SLUGS) is not None
    if is_loaded:
        say("The demo's calls are in the store already.")
        return
    report = import_calls(engine, demo_calls(datetime.now(UTC)))
    with engine.begin() as connection:
        for name, cards in demo_metric_cards().items():
            project = find_project(connection, name)
            for card in cards:
                put_metric(connection, project.id, card)
            for view, agents in DEMO_VIEWS[name].items():
                put_view(connection, project.id, view, agents)
        # It has nowhere to go, so it is off; its preview shows what it would tell.
        first = find_project(connection, next(iter(DEMO_VIEWS)))
        for kind, title in DEMO_ALERTS.items():
            rule = NewRule(title, kind, "apprise", "ALERT_DEMO_URL", enabled=False)
            add_rule(connection, first, rule)
    say(f"Loaded {report.new} demo calls of {len(DEMO_VIEWS)} projects.")
