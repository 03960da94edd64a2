"""The texts that planted pools are made of."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("clinic", "shop", "bank", "telecom")
#: The domain of hard pools.
HARD = "travel"

Line = tuple[str, str]  # role and content, with {slots}


@dataclass(frozen=True)
class Cause:
    """One way to fail: the line that plants it, the answer to it, and what judges say of it.

    `mark` is the part of a long line that shows the cause; "" where the whole line does.
    """

    key: str
    line: Line
    reply: Line
    says: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True)
class Domain:
    """A kind of line that people call, with the metric that its calls are scored on.

    `twin` is a further cause that judges describe in nearly the words of the cause `twin_of`; it
    is planted only where it is named. `hidden` are expectations that nothing in a call asks for,
    `false_reasons` what a judge describes although it does not occur.
    """

    name: str
    metric: str
    rubric: str
    agents: tuple[str, ...]
    opening: tuple[Line, ...]
    good: tuple[Line, ...]
    closing: tuple[Line, ...]
    passes: tuple[str, ...]
    symptoms: tuple[str, ...]
    causes: tuple[Cause, ...]
    twin: Cause
    twin_of: str
    held_out: bool
    hidden: tuple[str, ...] = ()
    false_reasons: tuple[str, ...] = ()

    def cause(self, key: str) -> Cause:
        return next(cause for cause in (*self.causes, self.twin) if cause.key == key)


@dataclass(frozen=True)
class Judge:
    """The frame in which a judge puts what it says."""

    frame: str
    passing: str
    held_out: bool


@cache
def domain(name: str) -> Domain:
    raw = _load(name)
    return Domain(
        name=name,
        metric=raw["metric"],
        rubric=raw["rubric"],
        agents=tuple(raw["agents"]),
        opening=_lines(raw["opening"]),
        good=_lines(raw["good"]),
        closing=_lines(raw["closing"]),
        passes=tuple(raw["passes"]),
        symptoms=tuple(raw["symptoms"]),
        causes=tuple(map(_cause, raw["cause"])),
        twin=_cause(raw["twin"]),
        twin_of=raw["twin"]["of"],
        held_out=raw.get("held_out", False),
        hidden=tuple(raw.get("hidden", ())),
        false_reasons=tuple(raw.get("false_reasons", ())),
    )


@cache
def judges(held_out: bool) -> tuple[Judge, ...]:
    return tuple(
        Judge(raw["frame"], raw["passing"], held_out)
        for raw in _load("judges")["judge"]
        if raw.get("held_out", False) == held_out
    )


@cache
def word_choice() -> dict[str, Any]:
    """Return the tables `slots`, `synonyms` and `wording` that explanations vary by."""
    return {name: _load("judges")[name] for name in ("slots", "synonyms", "wording")}


@cache
def long_talk() -> tuple[tuple[Line, ...], ...]:
    """Return pairs of turns that make a call long."""
    return tuple(map(_lines, _load("long_calls")["pairs"]))


def _cause(raw: dict[str, Any]) -> Cause:
    says, mark = tuple(raw["says"]), raw.get("mark", "")
    return Cause(raw["key"], tuple(raw["line"]), tuple(raw["reply"]), says, mark)


def _lines(raw: list[list[str]]) -> tuple[Line, ...]:
    return tuple((role, content) for role, content in raw)


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))
