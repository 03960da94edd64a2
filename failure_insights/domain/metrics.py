"""What a metric is, which metrics are audited, and when a score passes."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from failure_insights.domain.calls import JudgedResult, MetricResult, Score
from failure_insights.errors import BadInput, NotEligible

MetricType = Literal["llm_judge", "custom_code"]
METRIC_TYPES: tuple[MetricType, ...] = get_args(MetricType)
ScoreType = Literal["binary", "rating", "number", "enum"]

#: The predefined metrics with their types, whatever type a line gives. Clients number them by
#: their places here: new ones are added at the end, and none is taken out.
PREDEFINED: Mapping[str, MetricType] = {
    "CSAT": "llm_judge",
    "Critical Deviations Continuous": "llm_judge",
    "Critical Info Check": "llm_judge",
    "Critical Info Check bool": "llm_judge",
    "Expected Outcome": "llm_judge",
    "Gibberish Detection": "llm_judge",
    "Hallucination": "llm_judge",
    "Letterwise Pronunciation Detection": "llm_judge",
    "Main Agent Early End Call": "llm_judge",
    "Not Early Termination": "llm_judge",
    "Pronunciation Analysis": "llm_judge",
    "Pronunciation test": "llm_judge",
    "Relevancy": "llm_judge",
    "Response Consistency": "llm_judge",
    "STT Errors": "llm_judge",
    "Tool call Accuracy": "llm_judge",
    "Unnecessary Repetition Count": "llm_judge",
    "Unnecessary Repetition Score": "llm_judge",
    "Latency": "custom_code",
    "WPM": "custom_code",
    "Talk Ratio": "custom_code",
}

#: Those that an LLM judges. They are audited.
PREDEFINED_LLM_JUDGES = frozenset(name for name, kind in PREDEFINED.items() if kind == "llm_judge")

#: Those that code computes. Never audited: a number has no root cause to read.
PREDEFINED_CODE_METRICS = frozenset(PREDEFINED) - PREDEFINED_LLM_JUDGES


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


_JUDGE_KEYS = frozenset(map(_key, PREDEFINED_LLM_JUDGES))
_CODE_KEYS = frozenset(map(_key, PREDEFINED_CODE_METRICS))


def default_type(name: str) -> MetricType:
    """Return the type of a metric that came without one: code if predefined so, else LLM judge."""
    return "custom_code" if _key(name) in _CODE_KEYS else "llm_judge"


@dataclass(frozen=True, slots=True)
class MetricCard:
    """One rule that calls are scored on: what the judge was asked, and what counts as a pass."""

    name: str
    type: MetricType = "llm_judge"
    prompt: str = ""
    description: str = ""
    pass_rule: str | None = None
    score_type: ScoreType = "binary"
    #: What people write about the metric, for auditors: what the judge expects and cannot say.
    about: str = ""

    @property
    def why_not_eligible(self) -> str | None:
        """Return the sentence that says why this metric is never audited, or None if it is."""
        key = _key(self.name)
        if key in _CODE_KEYS:
            return f'Metric "{self.name}" is computed by code; only LLM-judge metrics are audited.'
        if key not in _JUDGE_KEYS and self.type != "llm_judge":
            return (
                f'Metric "{self.name}" has type {self.type}; only metrics of type llm_judge and '
                "the predefined LLM-judge metrics are audited."
            )
        return None

    @property
    def is_eligible(self) -> bool:
        return self.why_not_eligible is None

    def require_eligible(self) -> None:
        """Raise NotEligible, with the reason, if this metric is never audited."""
        if reason := self.why_not_eligible:
            raise NotEligible(reason)


def slugify(name: str) -> str:
    """Return the slug of a name: lower-case words joined by hyphens.

    Letters of every script are kept, so that two names in Japanese do not share a slug. Never
    holds the characters that Dagster or our keys give a meaning to: `|`, `/`, `,`, `[`, `]`.

    Raises:
        BadInput: the name holds no letter or digit.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    slug = "-".join(re.findall(r"[^\W_]+", plain))
    if not slug:
        raise BadInput(
            f"name {name!r} holds no letter or digit, so no key can be made of it",
            code="name_without_letters",
        )
    return slug[:120].rstrip("-")


_RULE = re.compile(
    r"\s*(?:score\s*)?(>=|<=|==|=|!=|>|<|in\b)\s*(.+?)\s*", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class PassRule:
    """When a score passes: `>= 4`, `< 0.5`, `= yes`, `!= no`, `in good, great`, `= true`."""

    operator: Literal[">=", "<=", ">", "<", "=", "!=", "in"]
    operand: str

    @classmethod
    def parse(cls, text: str) -> "PassRule":
        """Return the rule that the text states.

        Raises:
            BadInput: the text is not an operator and a value, or compares order with a word.
        """
        match = _RULE.fullmatch(text)
        if not match:
            raise BadInput(
                f"pass rule {text!r} is not an operator and a value; "
                "write it like '>= 4', '= true' or 'in good, great'",
                code="bad_pass_rule",
            )
        operator, operand = match[1].lower().replace("==", "="), match[2]
        if operator in (">=", "<=", ">", "<") and _number(operand) is None:
            raise BadInput(
                f"pass rule {text!r} compares with {operand!r}, which is not a number",
                code="bad_pass_rule",
            )
        return cls(operator, operand)  # type: ignore[arg-type]

    def passes(self, score: Score) -> bool:
        """Return whether the score passes.

        Raises:
            BadInput: the rule is about a number and the score is none.
        """
        if self.operator == "in":
            return any(_same(score, word) for word in self.operand.split(","))
        if self.operator in ("=", "!="):
            return _same(score, self.operand) == (self.operator == "=")
        number, bound = _number(score), _number(self.operand)
        if number is None or bound is None:
            raise BadInput(
                f"score {score!r} is not a number, and the pass rule is '{self}'",
                code="score_not_a_number",
            )
        match self.operator:
            case ">=":
                return number >= bound
            case "<=":
                return number <= bound
            case ">":
                return number > bound
            case _:
                return number < bound

    def verdict(self, score: Score) -> bool | None:
        """Return whether the score passes, or None where the rule cannot be applied to it."""
        try:
            return self.passes(score)
        except BadInput:
            return None

    def __str__(self) -> str:
        return f"{self.operator} {self.operand}"


def judged(result: MetricResult, card_rule: PassRule | None) -> JudgedResult:
    """Return a result with its verdict: its own, or what its own rule or the card's says of it.

    Without a rule, or where the rule cannot be applied to such a score, nobody has judged it.
    """
    passed, by_rule = result.passed, False
    rule = PassRule.parse(result.pass_rule) if result.pass_rule else card_rule
    if passed is None and rule is not None and result.score is not None:
        passed = rule.verdict(result.score)
        by_rule = passed is not None
    return JudgedResult(passed, result.score, result.explanation, by_rule)


def _number(value: Score) -> float | None:
    try:
        return None if value is None else float(value)
    except (ValueError, OverflowError):
        return None


def _same(score: Score, word: str) -> bool:
    word = word.strip().strip("\"'")
    if isinstance(score, bool):
        return word.casefold() in (
            ("true", "yes", "pass", "1") if score else ("false", "no", "fail", "0")
        )
    if (number := _number(score)) is not None and (bound := _number(word)) is not None:
        return number == bound
    return str(score).strip().casefold() == word.casefold()
