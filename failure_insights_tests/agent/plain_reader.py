"""A scripted LLM that reads plainly: it knows two causes by a word, and answers every stage.

Tests replace the answer of one stage, or of one call, and look at what the audit makes of it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from failure_insights.audit import prompts
from failure_insights_tests.endpoint.server import Reply, Sent, answers, uses_tools


@dataclass(frozen=True)
class Cause:
    """A cause: the word it is known by, the line that plants it, what a note and a theme say."""

    word: str
    line: str
    noted: str
    title: str

    @property
    def criterion(self) -> str:
        return f"The call failed because of the {self.word}."


TOOL = Cause(
    "calendar",
    "calendar error 500: the slot could not be saved",
    "The calendar tool failed and the agent did not try again",
    "Calendar tool fails without a retry",
)
DATE = Cause(
    "weekday",
    "so that is the wrong weekday, I said something else",
    "The agent took down a weekday that the caller had not said",
    "Agent notes a weekday the caller never said",
)
CAUSES = (TOOL, DATE)

Answer = Callable[[Sent, Any], Any]


def stage_of(sent: Sent) -> str:
    """Return the stage that a request is of, by its prompt."""
    first = sent.system[:40]
    for stage in ("note", "agent", "assign", "critic", "second_vote"):
        if prompts.load(stage).parts["Task"].startswith(first):
            return stage
    raise AssertionError(f"a request of no stage: {first!r}")


@dataclass
class PlainReader:
    """The script of an `EndpointServer`.

    `change` takes a stage's plain answer and returns another, or a whole `Reply`.
    """

    change: Mapping[str, Answer] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)

    def __call__(self, sent: Sent) -> Reply:
        stage = stage_of(sent)
        self.stages.append(stage)
        value = getattr(self, f"_{stage}")(sent)
        if stage in self.change:
            value = self.change[stage](sent, value)
        if isinstance(value, Reply):
            return value
        if stage == "agent" and "submit_breakdown" in sent.tools:
            return uses_tools([("submit_breakdown", value)])
        return answers(sent, value)

    def count(self, stage: str) -> int:
        return self.stages.count(stage)

    def _note(self, sent: Sent) -> dict[str, Any]:
        lines = transcript_lines(sent.data)
        cause = next((c for c in CAUSES for text in lines.values() if c.word in text), None)
        line = next((n for n, text in lines.items() if cause and cause.word in text), None)
        return {
            "what_happened": "The caller wanted an appointment.",
            "first_error_line": line,
            "root_cause": cause.noted if cause else "Nothing in the call tells",
            "cause_title": cause.title if cause else "",
            "second_cause": "",
            "symptom": "No appointment was made",
            "harm": "The caller has no appointment",
            "origin": "tool_or_integration" if cause is TOOL else "agent_reasoning",
            "verdict_check": "reason_shown",
            "called_for": "yes",
            "evidence": [{"line": line, "quote": lines[line]}] if line is not None else [],
            "suspicious_instructions": False,
        }

    def _agent(self, sent: Sent) -> dict[str, Any]:
        told = sent.messages[1]["content"]
        seeds: dict[str, list[str]] = {}
        for handle, text in re.findall(r"^(c\d+)[:,\s](.*)$", told, re.MULTILINE):
            for cause in CAUSES:
                if cause.word in text:
                    seeds.setdefault(cause.word, []).append(handle)
        priors = {
            (cause.word, level): match[1]
            for cause in CAUSES
            for level in ("th", "ca")
            if (match := re.search(rf"^ *({level}_\w+) \|.*{cause.word}", told, re.M | re.I))
        }
        themes = [
            {
                "reuse_theme_id": priors.get((cause.word, "th")),
                "title": cause.title,
                "description": f"{cause.noted}.",
                "causes": [
                    {
                        "reuse_cause_id": priors.get((cause.word, "ca")),
                        "title": cause.title,
                        "criterion": cause.criterion,
                        "not_this": "",
                        "seed_handles": seeds[cause.word][:2],
                        "also_handles": [],
                    }
                ],
                "origin": "agent_reasoning",
                "suggested_fix": "Tell the agent to try once more.",
                "severity_reason": "Callers have no appointment.",
                "severity": "high",
            }
            for cause in CAUSES
            if cause.word in seeds
        ]
        return {"analysis": "Two causes.", "themes": themes, "other_causes": []}

    def _assign(self, sent: Sent) -> dict[str, Any]:
        names = dict(re.findall(r"^(T\d+): (.*)$", sent.data, re.MULTILINE))
        items = []
        for handle, text in re.findall(r"^(c\d+): (.*)$", sent.data, re.MULTILINE):
            fits = [n for n, c in names.items() for k in CAUSES if k.word in c and k.word in text]
            label = fits[0] if fits else "UNCLEAR"
            item = {"handle": handle, "why": "by its word", "label": label, "also": None}
            items.append({**item, "confidence": "high" if fits else "low"})
        return {"items": items}

    def _critic(self, sent: Sent) -> dict[str, Any]:
        shown = sent.data.partition("Members:")[2].partition("Near misses:")[0]
        members = [
            {"handle": handle, "line": None, "quote": "", "verdict": "fits"}
            for handle in re.findall(r"^(c\d+): ", shown, re.MULTILINE)
        ]
        return {"members": members, "better_title": "", "suggested_fix": "Try the tool again."}

    def _second_vote(self, sent: Sent) -> dict[str, Any]:
        return {
            "reasoning": "It failed.",
            "line": None,
            "quote": "",
            "verdict": "fail",
            "reason_in_call": "yes",
            "called_for": "yes",
        }


def transcript_lines(data: str) -> dict[int, str]:
    """Return the numbered lines of a transcript as an LLM sees them."""
    found = re.findall(r"^\w{6}\|(\d+)\|[^|]*\| (.*)$", data, re.MULTILINE)
    return {int(number): text for number, text in found}


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
