"""Checks what the agent submits, and makes themes and their causes of it."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import get_args

from failure_insights.audit.agent.output_filter import (
    CRITERION_CHARACTERS,
    DESCRIPTION_CHARACTERS,
    FIX_CHARACTERS,
    SENTENCE_CHARACTERS,
    OutputFilter,
)
from failure_insights.audit.agent.schemas import Draft, DraftCause, DraftTheme
from failure_insights.domain.breakdown import Severity
from failure_insights.domain.identity import PriorCause, PriorTheme
from failure_insights.domain.origins import Origin

#: Themes that the agent may submit; after assignment the six largest are shown.
MOST_THEMES = 10
#: Causes that it may submit.
MOST_CAUSES = 40
#: Calls of a pool from which on a theme needs two calls; in a smaller one, one is enough.
FEW_CALLS = 8
_ORIGINS: Mapping[str, Origin] = {origin: origin for origin in get_args(Origin)}
#: Part of their words that two criteria share where one cause was submitted twice.
SAME_WORDS = 0.85


@dataclass(frozen=True)
class FoundCause:
    """A cause before all of its calls are known.

    `prior_id` is the earlier cause that it continues. `seeds` are the calls that the agent put
    here, `also` those in which it sees the cause at work beside another. Seeds label their calls
    where they are `trusted`: not in a list of which most handles are foreign.
    """

    title: str
    criterion: str
    prior_id: str = ""
    seeds: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    trusted: bool = True

    @property
    def key(self) -> str:
        """What decides who belongs; an assignment stays valid as long as it stays the same."""
        return hashlib.sha256(self.criterion.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Theme:
    """A theme: causes that one fix would end. `prior_id` is the earlier theme it continues."""

    title: str
    description: str
    causes: tuple[FoundCause, ...]
    criterion: str = ""
    origin: Origin = "mixed"
    suggested_fix: str = ""
    prior_id: str = ""
    severity: Severity = "medium"
    severity_reason: str = ""


@dataclass(frozen=True)
class Taxonomy:
    """Both levels of what was found: themes with their causes, and causes of no theme."""

    themes: tuple[Theme, ...] = ()
    others: tuple[FoundCause, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.themes or self.others)

    def __add__(self, more: "Taxonomy") -> "Taxonomy":
        return Taxonomy(self.themes + more.themes, self.others + more.others)

    @cached_property
    def causes(self) -> tuple[FoundCause, ...]:
        """All causes, those of the themes first; labels are indices of these."""
        return (*(cause for theme in self.themes for cause in theme.causes), *self.others)

    @cached_property
    def theme_of(self) -> Mapping[int, int]:
        """The theme of each cause that has one, by their indices."""
        indices = [i for i, theme in enumerate(self.themes) for _ in theme.causes]
        return dict(enumerate(indices))


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


@dataclass
class DraftReader:
    """Reads one submission.

    `mute` are handles of calls that may not seed a cause; `standing` are causes and themes that
    stand already, and may not be submitted again.
    """

    handles: Handles
    mute: Collection[str]
    prior_themes: Sequence[PriorTheme]
    prior_causes: Sequence[PriorCause]
    output: OutputFilter
    standing: Taxonomy = field(default_factory=Taxonomy)
    _seeded: set[str] = field(default_factory=set)
    _causes: list[FoundCause] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)

    def read(self, draft: Draft) -> tuple[Taxonomy, list[str]]:
        """Return what of the draft is usable, and what is wrong with it, in words for the agent."""
        self._causes = list(self.standing.causes)
        themes: list[Theme] = []
        for number, submitted in enumerate(draft.themes, start=1):
            if len(themes) == MOST_THEMES:
                self._problems.append(f"Only the first {MOST_THEMES} themes were kept; merge.")
                break
            where = f"Theme {number}"
            causes = tuple(self._usable(submitted.causes, where))
            theme = self._theme(submitted, causes)
            if problem := self._problem(theme, [*self.standing.themes, *themes]):
                self._problems.append(f"{where}: {problem}")
                self._forget(causes)
                continue
            themes.append(theme)
        others = tuple(self._usable(draft.other_causes, "Other causes"))
        if not themes and not others:
            self._problems.append("No usable theme; submit one to six.")
        return Taxonomy(tuple(themes), others), self._problems

    def _usable(self, submitted: Sequence[DraftCause], where: str) -> Iterator[FoundCause]:
        for number, item in enumerate(submitted, start=1):
            if len(self._causes) >= MOST_CAUSES + len(self.standing.causes):
                self._problems.append(f"Only the first {MOST_CAUSES} causes were kept; merge.")
                return
            place = f"{where}, cause {number}"
            seeds = self.handles.resolve_all(item.seed_handles)
            if foreign := len(set(item.seed_handles)) - len(seeds):
                self._problems.append(f"{place}: {foreign} seed handles are not in the pool.")
            cause = self._cause(item, [s for s in seeds if s not in self.mute])
            cause = replace(cause, trusted=foreign <= len(seeds))
            if problem := self._problem_of(cause):
                self._problems.append(f"{place}: {problem}")
                continue
            self._seeded.update(cause.seeds if cause.trusted else ())
            self._causes.append(cause)
            yield cause

    def _forget(self, causes: Sequence[FoundCause]) -> None:
        """Let the causes of a theme that cannot stand be submitted, and seeded, by others."""
        for cause in causes:
            self._causes.remove(cause)
            self._seeded.difference_update(cause.seeds)

    def _cause(self, item: DraftCause, seeds: Sequence[str]) -> FoundCause:
        criterion = self.output.sentences(item.criterion, CRITERION_CHARACTERS)
        if unlike := self.output.sentences(item.not_this, CRITERION_CHARACTERS // 2):
            criterion = f"{criterion} Not: {unlike}"
        also = self.handles.resolve_all(item.also_handles)
        # A call counts once: where the agent names it for two causes, the first has it.
        own = tuple(seed for seed in seeds if seed not in self._seeded)
        cause = FoundCause(
            self.output.title(item.title),
            criterion,
            seeds=own,
            also=tuple(handle for handle in also if handle not in (*own, *self.mute)),
        )
        known = {prior.cause_id: prior for prior in self.prior_causes}
        if prior := known.get((item.reuse_cause_id or "").strip()):
            # An earlier cause keeps its words, which keeps yesterday's labels valid too.
            return replace(
                cause,
                title=prior.title,
                criterion=prior.criterion or cause.criterion,
                prior_id=prior.cause_id,
            )
        return cause

    def _problem_of(self, cause: FoundCause) -> str:
        if not cause.title:
            return "the title names no mechanism, or holds what may not be shown."
        if not cause.criterion:
            return "it has no criterion."
        if not cause.prior_id and not cause.seeds:
            return "it needs a seed handle of the pool that no other cause has."
        for other in self._causes:
            if cause.prior_id and cause.prior_id == other.prior_id:
                return f"it reuses the same earlier cause as {other.title!r}."
            if cause.title.casefold() == other.title.casefold() or _alike(cause, other):
                return f"it says the same as {other.title!r}; merge them."
        return ""

    def _theme(self, submitted: DraftTheme, causes: tuple[FoundCause, ...]) -> Theme:
        theme = Theme(
            title=self.output.title(submitted.title),
            description=self.output.sentences(submitted.description, DESCRIPTION_CHARACTERS),
            causes=causes,
            criterion=" Or: ".join(cause.criterion for cause in causes),
            origin=submitted.origin,
            suggested_fix=self.output.sentences(submitted.suggested_fix, FIX_CHARACTERS),
            severity=submitted.severity,
            severity_reason=self.output.sentences(submitted.severity_reason, SENTENCE_CHARACTERS),
        )
        known = {prior.theme_id: prior for prior in self.prior_themes}
        prior = known.get((submitted.reuse_theme_id or "").strip())
        return _continuing(theme, prior) if prior else theme

    def _problem(self, theme: Theme, others: Sequence[Theme]) -> str:
        """Return why the theme cannot stand, or "" if it can."""
        least = 1 if len(self.handles.known) < FEW_CALLS else 2
        seeds = {seed for cause in theme.causes for seed in cause.seeds}
        if not theme.title:
            return "the title names no mechanism, or holds what may not be shown."
        if not theme.causes:
            return "it has no usable cause."
        if len(seeds) < least and not any(cause.prior_id for cause in theme.causes):
            return f"it needs {least} seed handles of the pool."
        for other in others:
            if theme.prior_id and theme.prior_id == other.prior_id:
                return f"it reuses the same earlier theme as {other.title!r}."
            if theme.title.casefold() == other.title.casefold():
                return f"it says the same as {other.title!r}; merge them."
        return ""


def _continuing(theme: Theme, prior: PriorTheme) -> Theme:
    """Return the theme under the earlier one's name: it stays as people know it."""
    return replace(
        theme,
        title=prior.title,
        description=theme.description or prior.description,
        origin=_ORIGINS.get(prior.origin, theme.origin),
        prior_id=prior.theme_id,
    )


def _alike(one: FoundCause, other: FoundCause) -> bool:
    a, b = (set(re.findall(r"\w+", cause.criterion.casefold())) for cause in (one, other))
    return len(a & b) >= SAME_WORDS * max(1, len(a | b))
