"""Which module may import which: arrows point down only, and there is no circle."""

from graphlib import TopologicalSorter

import pytest

from failure_insights_tests.imports import (
    LAYERS,
    PACKAGE,
    ROOMS,
    Import,
    arrows,
    imports,
    late_imports,
    libraries,
    modules,
    room,
)

#: Arrows that are still to go. Nothing may be added.
EXCEPTIONS = {("orchestration", "definitions")}

#: The libraries that the inner rooms use. All others are for the edges.
INNER = {
    "errors": set(),
    "domain": {"numpy", "scipy"},
    "text": {"rapidfuzz"},
    "sources": {"orjson"},
}
#: The only rooms that may know a library, so that another can take its place.
EDGES = {
    "dagster": {"orchestration", "definitions"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "httpx2": {"llm"},
    "apprise": {"alerts"},
    "alembic": {"store"},
    "typer": {"commands"},
    "pandas": {"orchestration"},
    "sklearn": {"audit"},
}
#: Imports of our own modules inside functions, with the milliseconds that each saves a process
#: that does not come there, as `python -m failure_insights_tests.benchmarks.start_up` prints them.
LATE = {
    # What a command does not need: `--help` takes 140 ms, the parts of `up` 1,400 ms more.
    ("commands.alerts", "alerts.outbox"): 800,
    ("commands.alerts", "domain.alerts"): 20,
    ("commands.alerts", "errors"): 1,
    ("commands.alerts", "settings"): 260,
    ("commands.alerts", "store.alerts"): 755,
    ("commands.alerts", "store.projects"): 750,
    ("commands.cli", "commands.audit"): 1_150,
    ("commands.cli", "commands.digest"): 1_200,
    ("commands.cli", "commands.import_files"): 1_240,
    ("commands.cli", "commands.mcp"): 1_960,
    ("commands.cli", "commands.parts"): 275,
    ("commands.cli", "commands.up"): 1_390,
    ("commands.cli", "export.render"): 870,
    ("commands.cli", "settings"): 275,
    ("commands.cli", "store.opening"): 750,
    ("commands.costs", "audit.costs"): 900,
    ("commands.costs", "domain.spending"): 5,
    ("commands.costs", "errors"): 1,
    ("commands.costs", "settings"): 260,
    ("commands.costs", "store.projects"): 750,
    ("commands.costs", "store.spending"): 755,
    ("commands.keys", "store.keys"): 755,
    ("commands.marks", "commands.mark_actions"): 800,
    ("commands.metrics", "store.projects"): 750,
    ("commands.sources", "commands.source_actions"): 1_240,
    ("commands.store_transaction", "settings"): 260,
    ("commands.store_transaction", "store.opening"): 785,
    ("commands.terminal", "settings"): 270,
    ("commands.themes", "commands.theme_actions"): 800,
    # Dagster: `audit` refuses a bad name without it, and `up` without --demo never loads it.
    ("commands.audit", "definitions"): 2_410,
    ("commands.audit", "orchestration.grid"): 1_050,
    ("commands.audit", "orchestration.runs"): 1_110,
    ("commands.up", "demo.audits"): 2_385,
    # A process that groups by wording loads no LLM client.
    ("audit.compose", "audit.agent.answer_cache"): 390,
    ("audit.compose", "audit.agent.auditor"): 595,
    ("audit.compose", "audit.agent.options"): 50,
    ("audit.compose", "audit.wording"): 170,
    ("audit.compose", "audit.llm_endpoint"): 110,
    ("audit.caps", "audit.estimates"): 115,
    ("audit.digests", "audit.digest_words"): 115,
    ("orchestration.sorting", "audit.sorting"): 155,
    # Still to go.
    ("audit.agent.briefing", "audit.explanations.clustering"): 50,
}


def ours() -> list[Import]:
    return [item for item in imports() if item.is_ours]


def test_every_room_has_its_layer() -> None:
    rooms = {room(module) for module in modules() if "." in module}
    assert sorted(rooms) == sorted(ROOMS)


@pytest.mark.parametrize("source", ROOMS)
def test_arrows_point_down(source: str) -> None:
    depth = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    forbidden = {
        target
        for target in arrows()[source]
        if depth[target] <= depth[source] and (source, target) not in EXCEPTIONS
    }
    places = [i for i in ours() if room(i.importer) == source and room(i.imported) in forbidden]
    assert not places, "\n".join(map(str, places))


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for item in ours():
        graph[item.importer].add(item.imported)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the files


def test_libraries_stay_in_their_rooms() -> None:
    strangers = [
        item
        for item in libraries()
        if item.imported not in INNER.get(room(item.importer), {item.imported})
        or room(item.importer) not in EDGES.get(item.imported, {room(item.importer)})
    ]
    assert not strangers, "\n".join(map(str, strangers))


def test_statements_stand_in_the_store() -> None:
    rooms = {
        room(i.importer) for i in libraries() if (i.imported, i.name) == ("sqlalchemy", "text")
    }
    assert rooms == {"store"}


def test_an_import_inside_a_function_is_listed_with_what_it_saves() -> None:
    listed = {(f"{PACKAGE}.{importer}", f"{PACKAGE}.{imported}") for importer, imported in LATE}
    assert late_imports() - listed == set()
