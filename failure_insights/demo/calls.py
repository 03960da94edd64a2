"""The demo's calls: every planted cause on its days, and calls that pass, in order of time."""

import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from failure_insights.demo.scripts import Played, Turn, fill, lines, play, variants
from failure_insights.demo.slots import SLOTS_OF
from failure_insights.domain.metrics import MetricCard, PassRule
from failure_insights.domain.pools import DAY

DEMO_DAYS = 10
#: The day of a pool begins and ends when the schedule audits it.
DAY_BEGINS_AT = 6

#: How often a judge adds a detail to its reason.
DETAILED = 0.75
ENDED_BY = {"user": "customer-ended-call", "agent": "assistant-ended-call"}

Texts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One line of the demo, and the planted cause that it shows (None: it passes)."""

    cause: str | None
    line: dict[str, Any]


@cache
def projects() -> tuple[Texts, ...]:
    """Return the texts of each project, as they stand in its file."""
    folder = files("failure_insights.demo") / "texts"
    return tuple(
        tomllib.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("clinic.toml", "parcels.toml")
    )


def metric_cards(texts: Texts) -> list[MetricCard]:
    """Return the project's metric cards."""
    names = MetricCard.__dataclass_fields__
    return [MetricCard(**{k: v for k, v in m.items() if k in names}) for m in texts["metric"]]


def planned_calls(now: datetime) -> Iterator[PlannedCall]:
    """Yield the calls of the ten days before the last 06:00 UTC, and of today up to `now`."""
    now = now.astimezone(UTC)
    today = now.replace(hour=DAY_BEGINS_AT, minute=0, second=0, microsecond=0)
    today -= DAY if today > now else timedelta()
    planned = [
        call
        for texts in projects()
        for age in range(DEMO_DAYS, -1, -1)
        for call in _day(_Project(texts), today - age * DAY, min(DEMO_DAYS - age, DEMO_DAYS - 1))
        if datetime.fromisoformat(call.line["started_at"])
        + timedelta(seconds=call.line["duration_s"])
        < now
    ]
    yield from sorted(planned, key=lambda call: (call.line["started_at"], call.line["call_id"]))


class _Project:
    """One project's texts, taken apart."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.name: str = texts["project"]
        self.agents: dict[str, Any] = {agent["name"]: agent for agent in texts["agent"]}
        self.metrics: dict[str, Any] = {metric["name"]: metric for metric in texts["metric"]}
        self.judged = [m["name"] for m in texts["metric"] if m.get("type") != "custom_code"]
        self.judged_always = [n for n in self.judged if not self.metrics[n].get("if_urgent")]
        self.fragments = {name: variants(text) for name, text in texts["fragments"].items()}


def _day(project: _Project, begins: datetime, day: int) -> Iterator[PlannedCall]:
    """Yield the calls of one day; `day` is its place in the causes' `days`."""
    rng = random.Random(f"{project.name} {begins:%Y-%m-%d}")  # noqa: S311 - texts, not secrets
    scenarios = project.texts["scenario"]
    weights = [scenario["weight"] for scenario in scenarios]
    todo = [
        *((cause, True) for cause in project.texts["cause"] for _ in range(cause["days"][day])),
        *((s, False) for s in rng.choices(scenarios, weights, k=project.texts["passing_calls"])),
    ]
    for number, (story, fails) in enumerate(todo):
        line = _call(project, story, begins, rng)
        mark = sha256(f"{project.name} {begins:%Y-%m-%d} {number}".encode()).hexdigest()[:8]
        call_id = f"{project.texts['prefix']}-{mark}"
        yield PlannedCall(story["key"] if fails else None, {"call_id": call_id} | line)


def _call(project: _Project, story: Texts, begins: datetime, rng: random.Random) -> dict[str, Any]:
    agents = [project.agents[name] for name in story.get("agents", project.agents)]
    (agent,) = rng.choices(agents, [agent["weight"] for agent in agents])
    opens = begins + timedelta(hours=agent["from_hour"] - DAY_BEGINS_AT)
    started_at = opens + timedelta(seconds=rng.randrange(agent["hours"] * 3600 - 600))
    slots = SLOTS_OF[project.name](rng, started_at)
    script = rng.choice(variants(agent["greetings"])) + "\n" + rng.choice(variants(story["body"]))
    played = play(script, project.fragments, slots, rng, story.get("pause_s", 0))
    return {
        "project": project.name,
        "agent": agent["name"],
        "started_at": started_at.isoformat(),
        "duration_s": played.duration_s,
        "ended_reason": ENDED_BY[played.turns[-1]["role"]],
        "transcript": played.turns,
        "metadata": {
            key: rng.choice(value) if isinstance(value, list) else value
            for key, value in project.texts["metadata"].items()
        },
        "metrics": [*_results(project, story, played, slots, rng)],
    }


def _results(
    project: _Project, story: Texts, played: Played, slots: dict[str, str], rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Yield the call's metric results: failed ones of a cause, passed ones, and code metrics."""
    says: Mapping[str, str] = story.get("says", {})
    passed = story.get("passing", []) if says else story.get("judged", project.judged_always)
    for name in project.judged:
        metric = project.metrics[name]
        if name in says:
            score = rng.choice(story["scores"]) if metric.get("score_type") == "rating" else 0
            reason, frames = rng.choice(lines(says[name])), metric["fails"]
            if rng.random() < DETAILED:
                reason += " " + rng.choice(lines(story["details"]))
        elif name in passed:
            score = rng.choice(metric.get("good_scores", [1]))
            own = story.get("reasons") if name == "Expected Outcome" else None
            reason, frames = rng.choice(lines(own or metric["pass_reasons"])), metric["passes"]
        else:
            continue
        words = slots | {"score": str(score)}
        explanation = fill(
            rng.choice(variants(frames)), words | {"reason": fill(reason, words, rng)}, rng
        )
        yield _result(metric, score, explanation)
    yield _result(project.metrics["Latency"], played.latency_s, "")
    yield _result(project.metrics["Talk Ratio"], _talk_ratio(played.turns), "")


def _result(metric: Texts, score: float, explanation: str) -> dict[str, Any]:
    return {
        "name": metric["name"],
        "type": metric.get("type", "llm_judge"),
        "score": score,
        "passed": PassRule.parse(metric["pass_rule"]).passes(score),
        "explanation": explanation,
    }


def _talk_ratio(turns: list[Turn]) -> float:
    """Return the agent's part of the spoken words."""
    words = {
        role: sum(len(turn["content"].split()) for turn in turns if turn["role"] == role)
        for role in ("agent", "user")
    }
    return round(words["agent"] / sum(words.values()), 3)
