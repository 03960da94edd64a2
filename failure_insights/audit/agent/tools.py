"""Runs the agent's tools: they only read, see this pool alone, and answer in text."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator

from failure_insights.audit.agent import briefing
from failure_insights.audit.agent.assign import assign
from failure_insights.audit.agent.notes import take_notes
from failure_insights.audit.agent.schemas import Draft
from failure_insights.audit.agent.session import AuditSession
from failure_insights.audit.agent.themes import DraftReader, FoundCause, Taxonomy
from failure_insights.audit.explanations.search import SearchIndex
from failure_insights.llm import UnusableAnswer, read_answer
from failure_insights.text.harmless import clean, cut

#: Calls that one use of `read_calls` reads.
READ = 12
#: Hits of one search.
HITS = 20
#: Criteria of one test, and calls that they are tried on.
CRITERIA = 8
TESTED = 50
#: Uses of tools in one turn.
USES = 8

SUBMIT = "submit_breakdown"


class ReadCalls(BaseModel):
    handles: list[str]


class SearchCalls(BaseModel):
    query: str
    scope: Literal["failing", "passing"]
    limit: Annotated[int, BeforeValidator(lambda value: 10 if value is None else value)]


class PoolStats(BaseModel):
    by: Literal["agent", "day", "score", "origin"]


class TryCriteria(BaseModel):
    criteria: list[str]


#: Name, what it does, and its arguments.
TOOLS: Mapping[str, tuple[str, type[BaseModel]]] = {
    SUBMIT: ("Submit the themes. The last valid submission counts.", Draft),
    "read_calls": (
        f"Have up to {READ} unread calls read; returns a note on each, not the transcript.",
        ReadCalls,
    ),
    "search_calls": (
        f"Search the explanations of failing or passing calls; up to {HITS} hits in short.",
        SearchCalls,
    ),
    "pool_stats": ("Count the failing calls by agent, day, score or noted origin.", PoolStats),
    "test_criteria": (
        f"Try up to {CRITERIA} criteria on unread calls: support, unsure, and what none covers.",
        TryCriteria,
    ),
}


@dataclass
class Toolbox:
    """Runs the tools of one audit; `found` is the last valid submission.

    `used_llm` says whether a tool of the newest turn asked the LLM, which costs a round trip.
    """

    session: AuditSession
    #: What stands already, and may not be submitted again.
    standing: Taxonomy = field(default_factory=Taxonomy)
    found: Taxonomy = field(default_factory=Taxonomy)
    used_llm: bool = False
    is_settled: bool = False
    _answers: dict[tuple[str, str], str] = field(default_factory=dict)

    async def use_all(self, uses: Sequence[tuple[str, str]]) -> list[str]:
        """Return the answer to each use, a tool's name and its arguments as JSON.

        A use that repeats an earlier one gets the same answer; uses beyond the limit, unknown
        tools and arguments that make no sense get a sentence that says so.
        """
        self.used_llm = False
        self.is_settled = bool(uses) and all(name == SUBMIT for name, _ in uses)
        new = [use for use in dict.fromkeys(uses[:USES]) if use not in self._answers]
        found = await self.session.each(self._use(name, arguments) for name, arguments in new)
        self._answers |= dict(zip(new, found, strict=True))
        too_many = f"Not session: at most {USES} tools in one turn."
        return [
            self._answers[use] if number < USES else too_many for number, use in enumerate(uses)
        ]

    async def _use(self, name: str, arguments: str) -> str:
        if name not in TOOLS:
            return f"There is no tool {clean(name)[:40]!r}; there are {', '.join(TOOLS)}."
        tools: dict[str, Callable[[Any], Awaitable[str]]] = {
            SUBMIT: self.submit,
            "read_calls": self._read_calls,
            "search_calls": self._search_calls,
            "pool_stats": self._pool_stats,
            "test_criteria": self._test_criteria,
        }
        try:
            parsed = read_answer(arguments or "{}", TOOLS[name][1])
        except UnusableAnswer as error:
            self.is_settled = False
            return f"The arguments cannot be used: {error}"
        return await tools[name](parsed)

    async def submit(self, draft: Draft) -> str:
        """Keep what of the draft is usable; return what is wrong with it."""
        session = self.session
        reader = DraftReader(
            session.handles,
            [case.handle for case in session.cases if session.is_flagged(case)],
            session.priors,
            session.prior_causes,
            session.output,
            self.standing,
        )
        found, problems = reader.read(draft)
        self.found = found or self.found
        if not problems:
            return "Accepted."
        self.is_settled = False
        return " ".join(["Accepted in part." if found else "Rejected.", *problems])

    async def _read_calls(self, use: ReadCalls) -> str:
        session = self.session
        handles = session.handles.resolve_all(use.handles)[:READ]
        cases = [session.cases[session.index[handle]] for handle in handles]
        if not cases:
            return "None of these handles is in the pool."
        known = [case for case in cases if case.handle in session.notes]
        new = [case for case in cases if case.handle not in session.notes][: session.reads_left]
        self.used_llm = self.used_llm or bool(new)
        notes = await take_notes(session, [*known, *new])
        return "\n".join(briefing.note_lines(notes)) or "No more calls can be read."

    async def _search_calls(self, use: SearchCalls) -> str:
        session = self.session
        if use.scope == "failing":
            named = [
                (c.handle, session.vectors.said[i])
                for i, c in enumerate(session.cases)
                if not session.is_flagged(c)
            ]
        else:
            named = [("passing", clean(call.explanation)) for call in session.passing]
        index = SearchIndex(text for _, text in named)
        hits = index.search(use.query, max(1, min(use.limit, HITS)))
        lines = [f"{named[i][0]}: {cut(named[i][1], 40)}" for i in hits]
        return "\n".join([f"{len(hits)} hits among {len(named)} {use.scope} calls.", *lines])

    async def _pool_stats(self, use: PoolStats) -> str:
        if use.by != "origin":
            return briefing.counted(self.session, use.by)
        origins = Counter(note.note.origin for note in self.session.notes.values())
        return ", ".join(f"{origin}: {count}" for origin, count in origins.most_common())

    async def _test_criteria(self, use: TryCriteria) -> str:
        session = self.session
        criteria = [session.output.sentences(text, 400) for text in use.criteria[:CRITERIA]]
        criteria = list(dict.fromkeys(filter(None, criteria)))
        unread = [c for c in session.cases if c.handle not in session.notes] or session.cases
        tested = unread[:: max(1, -(-len(unread) // TESTED))][:TESTED]
        if not criteria:
            return "No criterion to test."
        self.used_llm = True
        causes = [FoundCause("", criterion) for criterion in criteria]
        labels = await assign(session, causes, tested)
        lines = [f"{len(labels)} unread calls were sorted by these criteria:"]
        for number, criterion in enumerate(criteria):
            held = [label for label in labels.values() if label.cause == number]
            unsure = sum(not label.sure for label in held)
            lines.append(
                f"{len(held)} meet it ({unsure} of these with low confidence): {criterion}"
            )
        loose = [c for c in tested if c.handle in labels and labels[c.handle].cause is None]
        lines.append(f"{len(loose)} meet none, for example:")
        lines += [
            f"{c.handle}: {cut(session.vectors.said[session.index[c.handle]], 40)}"
            for c in loose[:5]
        ]
        return "\n".join(lines)
