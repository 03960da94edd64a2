"""The parts of the documents that are made from the code, so that they cannot drift from it.

`python -m failure_insights_tests.documents` writes them; `unit/test_documents.py` checks them.
A part stands between `<!-- made: NAME -->` and `<!-- end: NAME -->`.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from failure_insights.commands.cli import app
from failure_insights.settings import Settings, environment_names

TOP = Path(__file__).resolve().parent.parent
DOCUMENTS = (TOP / "README.md", TOP / "docs" / "running.md")
FIRST_SETTINGS = (
    *("database_url", "home", "openai_api_key", "openai_base_url"),
    *("model", "reader_model", "auditor"),
)


def parts() -> dict[str, str]:
    """Return each part by its name."""
    everything = tuple(Settings.model_fields)
    return {
        "settings": settings_table(FIRST_SETTINGS),
        "all settings": settings_table(everything),
        "commands": "\n\n".join(commands()),
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


def commands() -> Iterator[str]:
    """Yield the text of each command, and of each command of a group."""
    root = typer.main.get_command(app)
    for command in root.commands.values():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            for inner in command.commands.values():
                yield _command(f"{command.name} {inner.name}", inner)
        else:
            yield _command(command.name, command)


def _command(name: str, command: typer.core.TyperCommand) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join([f"failure-insights {name}", *(_usage(argument) for argument in arguments)])
    lines = [f"#### `{usage}{' [OPTIONS]' if options else ''}`", "", str(command.help)]
    if options or arguments:
        lines += ["", "| | default | |", "|---|---|---|"]
    for parameter in [*arguments, *options]:
        is_option = parameter in options
        shown = "`, `".join(parameter.opts) if is_option else _usage(parameter)
        needed = "needed" if parameter.required and is_option else ""
        default = "" if parameter.default in (None, False) else f"`{parameter.default}`"
        lines.append(f"| `{shown}` | {needed or default} | {parameter.help} |")
    return "\n".join(lines)


def _usage(argument: typer.core.TyperArgument) -> str:
    return f"{str(argument.name).upper()}{'...' if argument.nargs == -1 else ''}"


def main() -> None:
    for path in DOCUMENTS:
        path.write_text(current(path.read_text()))


if __name__ == "__main__":
    main()
