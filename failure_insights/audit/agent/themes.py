"""Checks what the agent submits, and makes themes of it."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from failure_insights.audit.agent.output_filter import (
    CRITERION_CHARACTERS,
    DESCRIPTION_CHARACTERS,
    FIX_CHARACTERS,
    OutputFilter,
)
from failure_insights.audit.agent.schemas import Draft, DraftTheme, ThemeOrigin
from failure_insights.domain.identity import PriorTheme
from failure_insights.domain.origins import Origin

#: Themes that the agent may submit; after assignment the six largest are kept.
MOST_THEMES = 10
#: In a pool of fewer calls than this a theme may have one call; else it needs two.
FEW_CALLS = 8
_ORIGINS: Mapping[str, Origin] = {origin: origin for origin in get_args(ThemeOrigin)}
#: Criteria that share this part of their words are one theme submitted twice.
SAME_WORDS = 0.85


@dataclass(frozen=True)
class Theme:
    """A theme before its calls are known. `prior_id` is the earlier theme that it continues."""

    title: str
    description: str
    criterion: str
    origin: Origin = "mixed"
    suggested_fix: str = ""
    prior_id: str = ""
    seeds: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What decides who belongs; an assignment stays valid as long as it stays the same."""
        return hashlib.sha256(self.criterion.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Handles:
    """The handles that the agent may name, however it spells them.

    `by_call_id` leads from a call's real ID, which the agent never sees but may be told by a
    transcript.
    """

    known: frozenset[str]
    by_call_id: Mapping[str, str]

    def resolve(self, name: str) -> str | None:
        """Return the handle that is meant: C1, c1 and c001 are one; None for a foreign one."""
        name = name.strip()
        if found := re.fullmatch(r"[cC]?0*(\d{1,6})", name):
            digits = len(next(iter(self.known), "c000")) - 1
            handle = f"c{int(found[1]):0{digits}}"
            return handle if handle in self.known else None
        return self.by_call_id.get(name)

    def resolve_all(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the handles that are meant, each once, without foreign ones."""
        return tuple(dict.fromkeys(filter(None, map(self.resolve, names))))


def themes_of(
    draft: Draft,
    handles: Handles,
    mute: Collection[str],
    priors: Sequence[PriorTheme],
    output: OutputFilter,
    others: Sequence[Theme] = (),
) -> tuple[list[Theme], list[str]]:
    """Return the draft's usable themes, and what is wrong with it, in words for the agent.

    Args:
        mute: handles of calls that may not seed a theme.
        others: themes that stand already.
    """
    known = {prior.theme_id: prior for prior in priors}
    themes: list[Theme] = []
    problems: list[str] = []
    for number, submitted in enumerate(draft.themes, start=1):
        if len(themes) == MOST_THEMES:
            problems.append(f"Only the first {MOST_THEMES} themes were kept; merge the others.")
            break
        seeds = handles.resolve_all(submitted.seed_handles)
        if foreign := len(set(submitted.seed_handles)) - len(seeds):
            problems.append(f"Theme {number}: {foreign} seed handles are not in the pool.")
        seeds = tuple(handle for handle in seeds if handle not in mute)
        prior = known.get((submitted.reuse_theme_id or "").strip())
        theme = _theme(submitted, seeds, prior, output)
        if problem := _problem(theme, [*others, *themes], len(handles.known)):
            problems.append(f"Theme {number}: {problem}")
            continue
        themes.append(theme)
    if not themes:
        problems.append("No usable theme; submit one to six.")
    return themes, problems


def _theme(
    submitted: DraftTheme, seeds: tuple[str, ...], prior: PriorTheme | None, output: OutputFilter
) -> Theme:
    criterion = output.sentences(submitted.criterion, CRITERION_CHARACTERS)
    if unlike := output.sentences(submitted.not_this, CRITERION_CHARACTERS // 2):
        criterion = f"{criterion} Not: {unlike}"
    theme = Theme(
        title=output.title(submitted.title),
        description=output.sentences(submitted.description, DESCRIPTION_CHARACTERS),
        criterion=criterion,
        origin=submitted.origin,
        suggested_fix=output.sentences(submitted.suggested_fix, FIX_CHARACTERS),
        seeds=seeds,
    )
    return _continuing(theme, prior) if prior else theme


def _continuing(theme: Theme, prior: PriorTheme) -> Theme:
    """Return the theme under the earlier one's name and criterion: both stay as people know them.

    That keeps yesterday's labels valid too, since they hold for a criterion.
    """
    return replace(
        theme,
        title=prior.title,
        criterion=prior.criterion or theme.criterion or prior.description,
        description=theme.description or prior.description,
        origin=_ORIGINS.get(prior.origin, theme.origin),
        prior_id=prior.theme_id,
    )


def _problem(theme: Theme, others: Sequence[Theme], calls: int) -> str:
    """Return why the theme cannot stand, or "" if it can."""
    least = 1 if calls < FEW_CALLS else 2
    if not theme.title:
        return "the title names no mechanism, or holds what may not be shown."
    if not theme.criterion:
        return "it has no criterion."
    if not theme.prior_id and len(theme.seeds) < least:
        return f"it needs {least} seed handles of the pool."
    for other in others:
        if theme.prior_id and theme.prior_id == other.prior_id:
            return f"it reuses the same earlier theme as {other.title!r}."
        if theme.title.casefold() == other.title.casefold() or _alike(theme, other):
            return f"it says the same as {other.title!r}; merge them."
    return ""


def _alike(one: Theme, other: Theme) -> bool:
    a, b = (set(re.findall(r"\w+", theme.criterion.casefold())) for theme in (one, other))
    return len(a & b) >= SAME_WORDS * max(1, len(a | b))
