"""Payloads as the providers' own types have them, in invented words, and what they are read as.

A file holds what it `says`, the `payload`, the format that it is `detected` as, what is `expected`
of its reader, and where a provider's SDK has a class for it, that class (`sdk`; after the colon,
the field of the payload that the class is of).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Fixture:
    format: str
    name: str
    payload: dict[str, Any]
    detected: str | None
    expected: Mapping[str, Any]
    sdk: str | None

    def __str__(self) -> str:
        return f"{self.format}/{self.name}"


def _fixture(path: Path) -> Fixture:
    held = json.loads(path.read_text())
    return Fixture(
        format=path.parent.name,
        name=path.stem,
        payload=held["payload"],
        detected=held["detected"],
        expected=held["expected"],
        sdk=held.get("sdk"),
    )


FIXTURES = [_fixture(path) for path in sorted(FOLDER.glob("*/*.json"))]

#: One conversation, as each provider's documentation writes it down.
TRANSCRIPTS: dict[str, list[dict[str, Any]]] = json.loads(
    (FOLDER / "one_conversation.json").read_text()
)

#: What is said in it: role, content, tool.
SAID = [
    ("user", "A table for two.", None),
    ("tool_call", '{"seats": 2}', "book"),
    ("tool_result", "full", "book"),
    ("agent", "We are full.", None),
]
