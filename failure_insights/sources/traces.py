"""Traces as calls: what was said, out of the spans of LLMs and tools that a tracing tool holds.

A conversation is one trace, or several with one session, mostly a trace a turn. What was said
stands in the messages of the LLM spans, each of which repeats what went before; where there are
none, or where they are prompts that no caller heard, it stands in the input and output of the
trace itself.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from failure_insights.sources.entries import read_turns
from failure_insights.sources.reading import Losses
from failure_insights.sources.texts import words
from failure_insights.sources.trace_messages import messages_of
from failure_insights.sources.transcript import FAILED, NativeTurn

Kind = Literal["llm", "tool", "other"]


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace. Times are seconds since 1970; `error` is '' where all went well."""

    id: str
    parent: str | None
    kind: Kind
    name: str
    start: float
    end: float | None = None
    input: Any = None
    output: Any = None
    error: str = ""


@dataclass(slots=True, eq=False)
class _Said:
    """A turn while it is put in its place. `at` is seconds since 1970."""

    native: NativeTurn
    at: float | None = None

    @property
    def words(self) -> str:
        return " ".join(str(self.native.get("content", "")).split())

    @property
    def is_agent(self) -> bool:
        return bool(self.native["role"] == "agent")

    @property
    def is_spoken(self) -> bool:
        return self.native["role"] in ("user", "agent")

    @property
    def is_tool(self) -> bool:
        return self.native["role"] in ("tool_call", "tool_result")


def transcript(traces: Iterable[Sequence[Span]]) -> list[NativeTurn]:
    """Return the turns of a conversation; `start_s` counts from its first span."""
    held = [trace for trace in traces if trace]
    held.sort(key=lambda trace: min(span.start for span in trace))
    conversation: list[_Said] = []
    for trace in held:
        conversation = _joined(conversation, _of_trace(trace))
    conversation = _with_outcomes(conversation, _tools(span for trace in held for span in trace))
    start = min((span.start for trace in held for span in trace), default=0.0)
    turns = []
    for said in conversation:
        turn = {key: value for key, value in said.native.items() if key != "start_s"}
        if said.at is not None:
            turn["start_s"] = round(max(said.at - start, 0.0), 3)
        turns.append(turn)
    return turns


def _of_trace(spans: Sequence[Span]) -> list[_Said]:
    """Return what was said in one trace."""
    root = root_of(spans)
    asked, answered = [], []
    if root.kind != "llm":
        asked = _messages(root.input, "user", root.start)
        answered = _messages(root.output, "agent", root.end or root.start)
    outside = {said.words for said in (*asked, *answered) if said.is_spoken}
    inside = _of_llms(spans, outside)
    heard = {said.words for said in inside}
    if not inside or (outside and outside.isdisjoint(heard)):
        return _between(_joined(asked, answered), _tools(spans, root))
    if not inside[-1].is_agent:
        # The last answer was not the LLM's, or its span is missing.
        inside += [said for said in answered if said.words not in heard]
    if any(said.is_tool for said in inside):
        return inside
    return _between(inside, _tools(spans, root))


def root_of(spans: Sequence[Span]) -> Span:
    """Return the first span without a parent among them."""
    ids = {span.id for span in spans}
    roots = [span for span in spans if span.parent is None or span.parent not in ids]
    return min(roots or spans, key=lambda span: span.start)


@dataclass(slots=True)
class _Chain:
    """LLM spans that continue one another; `system` is the prompt that they share."""

    system: str
    turns: list[_Said] = field(default_factory=list)


def _of_llms(spans: Sequence[Span], outside: Set[str]) -> list[_Said]:
    """Return the conversation that the LLM spans hold.

    A trace also has LLM calls beside it, such as a classifier's. The spans whose messages go on
    from one another are one chain, and chains with one prompt are one agent's. The agent that
    speaks is the one whose words the trace itself has (`outside`), else the one with the longest
    chain.
    """
    chains: list[_Chain] = []
    for span in sorted((span for span in spans if span.kind == "llm"), key=lambda s: s.start):
        given = _messages(span.input, None, None)
        if last := next(
            (said for said in reversed(given) if said.native["role"] != "system"), None
        ):
            last.at = span.start
        said = [*given, *_messages(span.output, "agent", span.end or span.start)]
        if not given or not any(each.is_spoken for each in said):
            continue
        chain = next((c for c in reversed(chains) if _shared(c.turns, said)), None)
        if chain is None:
            prompts = (each.words for each in said if each.native["role"] == "system")
            chain = _Chain(next(prompts, ""))
            chains.append(chain)
        chain.turns = _joined(chain.turns, said)
    agents: dict[str, list[_Chain]] = {}
    for chain in chains:
        agents.setdefault(chain.system, []).append(chain)

    def rank(held: list[_Chain]) -> tuple[int, int, int]:
        words = {said.words for chain in held for said in chain.turns}
        sizes = [len(chain.turns) for chain in held]
        return len(words & outside), max(sizes), sum(sizes)

    conversation: list[_Said] = []
    for chain in max(agents.values(), key=rank, default=[]):
        conversation = _joined(conversation, chain.turns)
    return conversation


def _shared(before: Sequence[_Said], after: Sequence[_Said]) -> int:
    """Return how many of the last turns of one list are the first of the other.

    Only what user and agent say is compared: prompts change, and tools may be left out.
    """
    first = [(said.native["role"], said.words) for said in before if said.is_spoken]
    second = [(said.native["role"], said.words) for said in after if said.is_spoken]
    for size in range(min(len(first), len(second)), 0, -1):
        if first[-size:] == second[:size]:
            return size
    return 0


def _joined(before: list[_Said], after: Sequence[_Said]) -> list[_Said]:
    """Return one list of both, in which what they share stands once: as the one with more turns
    there has it, which has the tools."""
    prompts = {said.words for said in before if said.native["role"] == "system"}
    later = [s for s in after if s.native["role"] != "system" or s.words not in prompts]
    shared = _shared(before, later)
    if not shared:
        return [*before, *later]
    spoken = [place for place, said in enumerate(before) if said.is_spoken]
    begin = spoken[-shared]
    end = [place for place, said in enumerate(later) if said.is_spoken][shared - 1] + 1
    while end < len(later) and later[end].is_tool:
        end += 1
    earlier_version, later_version = before[begin:], later[:end]
    chosen, other = later_version, earlier_version
    if len(earlier_version) > len(later_version):
        chosen, other = other, chosen
    times = {(said.native["role"], said.words): said.at for said in other}
    for said in chosen:
        said.at = said.at if said.at is not None else times.get((said.native["role"], said.words))
    return [*before[:begin], *chosen, *later[end:]]


def _messages(value: Any, speaker: str | None, at: float | None) -> list[_Said]:
    """Return the turns of an input or output.

    Args:
        value: messages in some LLM's shape, an object around them, or text.
        speaker: whose a text without a role is; None: such a text is no turn.
        at: when it was said.
    """
    listed = messages_of(value, speaker)
    turns = read_turns(listed, Losses()).turns(None) if listed else []
    return [_Said(turn, at) for turn in turns]


def _tools(spans: Iterable[Span], *but: Span) -> list[Span]:
    """Return the spans of tools in order of time."""
    return sorted(
        (span for span in spans if span.kind == "tool" and span not in but),
        key=lambda span: span.start,
    )


def _between(turns: Sequence[_Said], tools: Sequence[Span]) -> list[_Said]:
    """Return the turns with the calls and results of tools where they ran."""
    placed = list(turns)
    for span in tools:
        called = {"role": "tool_call", "content": words(span.input), "tool_name": span.name}
        later = (n for n, said in enumerate(placed) if said.at is not None and said.at > span.start)
        place = next(later, len(placed))
        placed[place:place] = [_Said(called, span.start), _result_of(span)]
    return placed


def _with_outcomes(turns: Sequence[_Said], tools: Sequence[Span]) -> list[_Said]:
    """Return the turns with what tools' spans know of them: that they failed, and results that
    no message has. The calls of a tool are those of its spans, one by one."""
    complete = list(turns)
    for tool in dict.fromkeys(span.name for span in tools):
        spans = [span for span in tools if span.name == tool]
        named = [said for said in complete if said.native.get("tool_name") == tool]
        results = [said for said in named if said.native["role"] == "tool_result"]
        calls = [said for said in named if said.native["role"] == "tool_call"]
        for said, span in zip(results, spans, strict=False):
            if len(results) == len(spans) and span.error:
                said.native["content"] = _failed(said.native["content"], span)
        if not results and len(calls) == len(spans):
            for said, span in zip(calls, spans, strict=True):
                complete.insert(complete.index(said) + 1, _result_of(span))
    return complete


def _result_of(span: Span) -> _Said:
    text = words(span.output)
    text = _failed(text, span) if span.error else text
    result = {"role": "tool_result", "content": text, "tool_name": span.name}
    return _Said(result, span.end or span.start)


def _failed(text: str, span: Span) -> str:
    """Return a tool's result with what its span says of the failure, unless it says so itself."""
    if text.startswith(FAILED):
        return text
    told = "" if span.error in text else span.error
    return "\n".join(filter(None, (f"{FAILED} {told}".rstrip(), text)))
