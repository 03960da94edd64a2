"""Writes the parts of the documents that are made from the code, so that they cannot drift.

`python -m failure_insights_tests.documents` writes them; `unit/test_documents.py` checks them.
A part stands between `<!-- made: NAME -->` and `<!-- end: NAME -->`.
"""

import ast
import html
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from failure_insights.settings import Settings, environment_names
from failure_insights.web.api.app import create_api
from failure_insights_tests.imports import FOLDER, PACKAGE, ROOMS, arrows, modules

TOP = FOLDER.parent
DOCUMENTS = (TOP / "README.md", TOP / "docs" / "architecture.md", TOP / "docs" / "running.md")
OPENAPI = TOP / "docs" / "openapi.json"
FIRST_SETTINGS = (
    *("database_url", "home", "openai_api_key", "openai_base_url"),
    *("model", "reader_model", "auditor"),
)


@cache
def parts() -> dict[str, str]:
    """Return each part by its name."""
    everything = tuple(Settings.model_fields)
    return {
        "settings": settings_table(FIRST_SETTINGS),
        "all settings": settings_table(everything),
        "commands": commands(),
        "picture": picture(),
        "rooms": rooms_table(),
    }


def current(document: str) -> str:
    """Return a document with its parts as the code has them now."""
    for name, part in parts().items():
        between = re.compile(rf"(<!-- made: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        document = between.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", document)
    return document


def settings_table(names: Sequence[str]) -> str:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    variables = environment_names()
    for name in names:
        field = Settings.model_fields[name]
        is_unset = field.default is None or field.default_factory
        default = "" if is_unset else f"`{field.default}`"
        rows.append(f"| `{variables[name]}` | {default} | {field.description} |")
    return "\n".join(rows)


def commands() -> str:
    """Return what Typer's own documentation of the command line says, a heading a command."""
    command = [sys.executable, "-m", "typer", f"{PACKAGE}.commands.cli", "utils", "docs"]
    text = subprocess.run(
        [*command, "--name", "failure-insights"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = html.unescape(text[text.index("\n## ") :])
    text = re.sub(r"^\* `(?:-h, )?--help`.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\*\*(Arguments|Options)\*\*:\n", "", text)
    text = re.sub(r"\*\*Usage\*\*:\n+```console\n\$ (.*)\n```", r"`\1`", text)
    text = re.sub(r"^##+ ", "#### ", text, flags=re.MULTILINE)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return re.sub(r"^(\* .*\n)\n(?=\* )", r"\1", text, flags=re.MULTILINE).strip()


def picture() -> str:
    """Return the rooms and the arrows between them as a Mermaid graph.

    An arrow that follows from others is left out: where `web` imports from `store` and `store` from
    `domain`, `web` may import from `domain` too.
    """
    below: dict[str, set[str]] = {}
    for name in reversed(ROOMS):
        below[name] = arrows()[name].union(*(below.get(far, ()) for far in arrows()[name]))
    lines = ["```mermaid", "flowchart TB"]
    for source, targets in arrows().items():
        implied = set().union(*(below[target] for target in targets))
        lines += [f"    {source} --> {target}" for target in sorted(targets - implied)]
    return "\n".join([*lines, "```"])


def rooms_table() -> str:
    """Return what each room is for, in the words of its docstring, and where it imports from."""
    rows = ["| room | what is in it | imports from |", "|---|---|---|"]
    for name in ROOMS:
        path = modules()[f"{PACKAGE}.{name}"]
        is_folder = path.name == "__init__.py"
        shown = f"{name}/" if is_folder else f"{name}.py"
        link = f"[`{shown}`](../{PACKAGE}/{name if is_folder else shown})"
        rows.append(f"| {link} | {_first_line(path)} | {', '.join(sorted(arrows()[name]))} |")
    return "\n".join(rows)


def _first_line(path: Path) -> str:
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return words.split("\n")[0]


def openapi() -> str:
    """Return the API's OpenAPI document as `docs/openapi.json` holds it."""
    document = create_api(Settings()).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(current(path.read_text()))
    OPENAPI.write_text(openapi())


if __name__ == "__main__":
    main()
