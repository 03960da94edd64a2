"""Reads which module of the package imports which, from the source and without running it."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import failure_insights

PACKAGE = failure_insights.__name__
FOLDER = Path(failure_insights.__file__).parent

#: The rooms, which are the folders and modules right below the package, from the top down. A room
#: imports from those below it, never from one beside it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("commands",),
    ("definitions", "dagster_storage"),
    ("demo",),
    ("web", "orchestration"),
    ("pull",),
    ("export", "ingest", "audit", "alerts"),
    ("sources", "llm", "store", "settings"),
    ("text",),
    ("domain",),
    ("errors",),
)
ROOMS = [name for layer in LAYERS for name in layer]


@dataclass(frozen=True, slots=True)
class Import:
    """One name that an import statement of ours takes from somewhere."""

    importer: str
    #: A module of ours, or the top package of a library.
    imported: str
    #: What follows `from ... import`; empty for a plain import and for a module.
    name: str
    line: int
    in_function: bool

    @property
    def is_ours(self) -> bool:
        return self.imported.partition(".")[0] == PACKAGE

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    """Return the file of each module of the package."""
    return {_name(path): path for path in sorted(FOLDER.rglob("*.py"))}


@cache
def imports() -> tuple[Import, ...]:
    """Return every import of the package, those inside functions and for types only as well."""
    return tuple(item for module, path in modules().items() for item in _imports_of(module, path))


def libraries() -> Iterator[Import]:
    """Yield the imports of what is neither ours nor Python's."""
    return (i for i in imports() if not i.is_ours and i.imported not in sys.stdlib_module_names)


def late_imports() -> set[tuple[str, str]]:
    """Return the imports of our own modules that stand inside functions: which, and of what."""
    return {(i.importer, i.imported) for i in imports() if i.is_ours and i.in_function}


def room(module: str) -> str:
    """Return the room that a module is in."""
    return module.split(".")[1] if "." in module else PACKAGE


def arrows() -> dict[str, set[str]]:
    """Return the rooms that each room imports from."""
    targets: dict[str, set[str]] = {name: set() for name in ROOMS}
    for item in imports():
        if item.is_ours and PACKAGE not in (ends := (room(item.importer), room(item.imported))):
            targets.setdefault(ends[0], set()).update({ends[1]} - {ends[0]})
    return targets


def _name(path: Path) -> str:
    parts = path.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(module: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    in_functions = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # Ruff's TID forbids relative imports, so there is a module.
            names = [_target(str(node.module), alias.name) for alias in node.names]
        else:
            continue
        for target, name in names:
            top = target.partition(".")[0]
            imported = target if top == PACKAGE else top
            yield Import(module, imported, name, node.lineno, id(node) in in_functions)


def _target(module: str, name: str) -> tuple[str, str]:
    """Return what `from MODULE import NAME` imports: a module, or a name of one."""
    whole = f"{module}.{name}"
    return (whole, "") if whole in modules() else (module, name)
