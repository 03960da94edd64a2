"""Which module may import which: arrows point down only, and there is no circle."""

from graphlib import TopologicalSorter

import pytest

from failure_insights_tests.imports import LAYERS, Import, arrows, imports, libraries, modules, room

#: Arrows that are still to go. Nothing may be added.
EXCEPTIONS = {("orchestration", "definitions")}
#: Circles of files that are still to go.
CIRCLES = {("failure_insights.audit.agent.session", "failure_insights.audit.agent.notes")}
#: Rooms that still hold statements of their own.
STATEMENTS = {"commands", "demo", "web"}

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
    "openai": {"llm"},
    "alembic": {"store"},
    "typer": {"commands"},
    "pandas": {"orchestration"},
    "sklearn": {"audit"},
}


def ours() -> list[Import]:
    return [item for item in imports() if item.is_ours]


def test_every_room_has_its_layer() -> None:
    rooms = {room(module) for module in modules() if "." in module}
    placed = [name for layer in LAYERS for name in layer]
    assert rooms == set(placed)
    assert len(placed) == len(set(placed))


@pytest.mark.parametrize("source", [name for layer in LAYERS for name in layer])
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
        if (item.importer, item.imported) not in CIRCLES:
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
    assert rooms <= {"store"} | STATEMENTS
