"""Pools whose causes are known, because they were planted: what auditors are measured on.

Any `Auditor` can be: `await auditor.audit(planted.pool, planted.reader, (), None)`. The cause of
a call stands in one turn of its transcript, `cause_turn`, and in no other; a second cause, where
the kind of pool has them, comes after it.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from failure_insights.domain.auditing import CallContext, Earlier
from failure_insights.domain.calls import Turn
from failure_insights.domain.metrics import MetricCard
from failure_insights.domain.pools import FailingCall, Pool, Window
from failure_insights_tests.quality.domains import (
    Cause,
    Domain,
    Line,
    domain,
    judges,
    long_talk,
    word_choice,
)

Kind = Literal[
    "lexical",  # causes that judges describe in words of their own
    "one symptom",  # two causes, described alike: by their symptom
    "three symptoms",  # each cause described in three unlike ways
    "judge wrong",  # 15 % of the calls passed in truth
    "rare cause",  # one cause with 3 % of the calls
    "rubric only",  # explanations that only repeat the rubric
    "hard",  # see `hard.py`; made there
    "several causes",  # 40 % of the calls have a second cause, after the first; the first counts
]
KINDS: tuple[Kind, ...] = (
    "lexical",
    "one symptom",
    "three symptoms",
    "judge wrong",
    "rare cause",
    "rubric only",
    "several causes",
)
JUDGE_WRONG = "judge wrong"
#: Parts of the calls: that passed in truth, and that have a second cause.
WRONG_SHARE, SECOND_SHARE = 0.15, 0.4
NO_EARLIER = Earlier()
END = datetime(2026, 11, 24, 6, tzinfo=UTC)


@dataclass(frozen=True)
class PlantedPool:
    """A pool with its transcripts and the truth about them.

    `truth` is the cause of each call, `cause_turn` the turn of the transcript that holds it (no
    entry where the judge was wrong), `judge_wrong` the calls that passed in truth.
    """

    pool: Pool
    transcripts: Mapping[str, tuple[Turn, ...]]
    truth: Mapping[str, str]
    cause_turn: Mapping[str, int]
    judge_wrong: frozenset[str]
    passing_calls: tuple[FailingCall, ...]
    kind: Kind = "lexical"
    held_out: bool = False
    causes: tuple[str, ...] = ()
    earlier: Earlier = NO_EARLIER

    @property
    def reader(self) -> "PlantedReader":
        return PlantedReader(self)


@dataclass(frozen=True)
class PlantedReader:
    """The `CallReader` of a planted pool."""

    planted: PlantedPool

    def transcripts(self, call_ids: Sequence[str]) -> Mapping[str, Sequence[Turn]]:
        held = self.planted.transcripts
        return {call_id: held[call_id] for call_id in call_ids if call_id in held}

    def contexts(self, call_ids: Sequence[str]) -> Mapping[str, CallContext]:
        return {call_id: CallContext() for call_id in call_ids}

    def about_project(self) -> str:
        return ""

    def passing(self, limit: int) -> Sequence[FailingCall]:
        return self.planted.passing_calls[:limit]

    def earlier(self) -> Earlier:
        return self.planted.earlier


def plant(
    domain_name: str,
    size: int,
    num_causes: int,
    seed: int,
    *,
    kind: Kind = "lexical",
    judge_styles: int = 2,
    num_passing: int = 60,
    held_out_judges: bool | None = None,
    causes: Sequence[str] | None = None,
    num_tokens: int = 0,
    end: datetime = END,
    prefix: str = "",
) -> PlantedPool:
    """Return a planted pool; the same arguments give the same pool.

    Args:
        num_causes: of the domain, with Zipf shares.
        judge_styles: frames that the explanations of this pool are written in.
        held_out_judges: whether held-out frames are used; None for as the domain is.
        causes: keys of the causes to plant, largest first, instead of drawn ones.
        num_tokens: of each transcript at least, four characters each.
        prefix: of the call IDs, so that pools of several days can be told apart.
    """
    kind_of_line = domain(domain_name)
    rng = random.Random(f"{domain_name}/{size}/{num_causes}/{seed}/{kind}")
    held_out = kind_of_line.held_out if held_out_judges is None else held_out_judges
    frames = rng.sample(judges(held_out), min(judge_styles, len(judges(held_out))))
    planted = (
        [kind_of_line.cause(key) for key in causes]
        if causes
        else rng.sample(kind_of_line.causes, min(num_causes, len(kind_of_line.causes)))
    )
    calls: list[FailingCall] = []
    transcripts: dict[str, tuple[Turn, ...]] = {}
    truth: dict[str, str] = {}
    cause_turn: dict[str, int] = {}
    wrong: set[str] = set()
    for index, cause in enumerate(shares_of(planted, size, rng, kind)):
        call_id = f"{prefix}{domain_name}-{rng.randrange(16**6):06x}-{index}"
        slots = slots_of(rng)
        is_wrong = kind == JUDGE_WRONG and rng.random() < WRONG_SHARE
        found = [] if is_wrong else [cause]
        if kind == "several causes" and len(planted) > 1 and rng.random() < SECOND_SHARE:
            found.append(rng.choice([other for other in planted if other is not cause]))
        turns, turn = transcript_of(kind_of_line, found, slots, num_tokens, rng)
        reason = _reason(kind_of_line, cause, kind, rng)
        if len(found) > 1:
            later = _reason(kind_of_line, found[1], kind, rng)
            reason = later if rng.random() < 0.5 else f"{reason} {later}"
        transcripts[call_id] = turns
        truth[call_id] = JUDGE_WRONG if is_wrong else cause.key
        if is_wrong:
            wrong.add(call_id)
        else:
            cause_turn[call_id] = turn
        explanation = rng.choice(frames).frame.format(
            reason=reason.format(**slots), **frame_slots_of(rng)
        )
        started = end - timedelta(minutes=rng.randrange(1, 24 * 60))
        calls.append(
            FailingCall(call_id, rng.choice(kind_of_line.agents), started, explanation, False)
        )
    passing = tuple(
        FailingCall(
            f"{prefix}pass-{index}",
            kind_of_line.agents[0],
            end - timedelta(minutes=index),
            rng.choice(frames).passing.format(
                reason=rng.choice(kind_of_line.passes).format(**slots_of(rng)),
                **frame_slots_of(rng),
            ),
            True,
        )
        for index in range(num_passing)
    )
    pool = Pool(
        domain_name,
        MetricCard(kind_of_line.metric, prompt=kind_of_line.rubric),
        Window(end, 1),
        tuple(sorted(calls, key=lambda call: (call.started_at, call.call_id))),
    )
    return PlantedPool(
        pool,
        transcripts,
        truth,
        cause_turn,
        frozenset(wrong),
        passing,
        kind,
        kind_of_line.held_out,
        tuple(cause.key for cause in planted),
    )


def shares_of(causes: Sequence[Cause], size: int, rng: random.Random, kind: Kind) -> list[Cause]:
    """Return the cause of each call: the n-th has a share like 1/n, and two calls at least."""
    if kind == "rare cause":
        rare = max(2, round(0.03 * size))
        rest = shares_of(causes[:-1], size - rare, rng, "lexical")
        return rest + [causes[-1]] * rare
    weights = [1 / (rank + 1) for rank in range(len(causes))]
    counts = [max(2, int(size * weight / sum(weights))) for weight in weights]
    counts[0] += size - sum(counts)
    chosen = [cause for cause, count in zip(causes, counts, strict=True) for _ in range(count)]
    rng.shuffle(chosen)
    return chosen


def _reason(line: Domain, cause: Cause, kind: Kind, rng: random.Random) -> str:
    """Return what the judge says of a call, with slots."""
    if kind == "one symptom":
        return rng.choice(line.symptoms)
    if kind == "rubric only":
        return f"{line.rubric} This was not the case in this call."
    if kind == "three symptoms":
        return str(rng.choice(rng.choice(word_choice()["wording"]["aftermaths"])))
    says = [_paraphrase(sentence, rng) for sentence in rng.sample(cause.says, 2)]
    return says[0] if rng.random() < 0.6 else f"{says[0]} {says[1]}"


def _paraphrase(sentence: str, rng: random.Random) -> str:
    """Return the sentence in words that vary as a judge's do: synonyms and a way of beginning."""
    synonyms = word_choice()["synonyms"]
    varied = " ".join(rng.choice(synonyms.get(word, [word])) for word in sentence.split(" "))
    if rng.random() < 0.4:
        varied = rng.choice(word_choice()["wording"]["lead_ins"]) + varied[0].lower() + varied[1:]
    return varied


def transcript_of(
    line: Domain,
    causes: Sequence[Cause],
    slots: Mapping[str, str],
    num_tokens: int,
    rng: random.Random,
    talk_of: Sequence[Sequence[Line]] = (),
) -> tuple[tuple[Turn, ...], int]:
    """Return a transcript and the turn of its first cause (the first of the good end if none).

    Args:
        num_tokens: of the transcript at least.
        talk_of: pieces of talk that make it so long; of none, those of `long_calls.toml`.
    """
    before = [*line.opening, *_small_talk(rng)]
    middle = [spoken for cause in causes for spoken in (cause.line, cause.reply)]
    spoken = _filled([*before, *(middle or line.good), *line.closing], slots)
    place = len(before)
    if num_tokens:
        missing = num_tokens - sum(len(content) for _, content in spoken) // 4
        talk = _long_talk(missing, rng, talk_of or long_talk())
        cut = rng.randrange(0, len(talk) + 1, 2)
        spoken = [*spoken[:place], *talk[:cut], *spoken[place:-1], *talk[cut:], spoken[-1]]
        place += cut
    turns = tuple(
        Turn(role, content, start_s=7.0 * index)  # type: ignore[arg-type]
        for index, (role, content) in enumerate(spoken)
    )
    return turns, place


def _filled(lines: Sequence[Line], slots: Mapping[str, str]) -> list[Line]:
    return [(role, content.format(**slots)) for role, content in lines]


def _long_talk(num_tokens: int, rng: random.Random, pieces: Sequence[Sequence[Line]]) -> list[Line]:
    """Return so many tokens of talk that is about nothing, in pieces such as pairs of turns."""
    talk: list[Line] = []
    while sum(len(content) for _, content in talk) < 4 * num_tokens:
        for piece in rng.sample(pieces, min(6, len(pieces))):
            talk += _filled(piece, slots_of(rng))
    return talk


def _small_talk(rng: random.Random) -> list[Line]:
    pairs: list[tuple[Line, Line]] = [
        (("user", "Sorry, it is a bit loud here."), ("agent", "No problem, take your time.")),
        (("agent", "May I have a callback number?"), ("user", "Yes, the one I am calling from.")),
        (("user", "Are you a robot?"), ("agent", "I am a virtual assistant.")),
        (("agent", "Are you still there?"), ("user", "Yes, I am here.")),
    ]
    return [turn for pair in rng.sample(pairs, rng.randrange(0, 4)) for turn in pair]


def slots_of(rng: random.Random) -> dict[str, str]:
    pick = {slot: rng.choice(values) for slot, values in word_choice()["slots"].items()}
    return {
        "name": f"{pick['first']} {pick['last']}",
        "date": f"{pick['day']}, {pick['month']} {rng.randrange(1, 29)}",
        "time": f"{rng.randrange(8, 18)}:{rng.choice(('00', '15', '30', '45'))}",
        "amount": f"{rng.randrange(1000, 9999)}",
        "id": f"{rng.choice('ABCDEFGH')}{rng.randrange(10**5, 10**6)}",
    }


def frame_slots_of(rng: random.Random) -> dict[str, str]:
    return {
        "score": str(rng.randrange(1, 3)),
        "clock": f"{rng.randrange(0, 6):02}:{rng.randrange(60):02}",
        "confidence": f"0.{rng.randrange(55, 99)}",
        "id": f"{rng.randrange(10**6, 10**7)}",
    }
