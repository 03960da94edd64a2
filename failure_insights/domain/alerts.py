"""What a team can be told of, and the numbers of each kind of rule."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from failure_insights.domain.changes import PRESETS, Growth
from failure_insights.errors import BadInput

AlertKind = Literal["new_theme", "growing", "regressed", "audit_failed", "no_audit", "digest"]
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)
#: How people read it.
ALERT_WORDS: Mapping[AlertKind, str] = {
    "new_theme": "A new theme",
    "growing": "A theme grows",
    "regressed": "A resolved theme is back",
    "audit_failed": "An audit failed",
    "no_audit": "No audit for some time",
    "digest": "The daily digest",
}
Channel = Literal["apprise", "webhook"]

#: Hours without an audit that are too many, where a rule does not say: a daily one is two late.
QUIET_HOURS = 26
#: Only such variables can be named, so that no rule can send another secret of the environment.
VARIABLE = re.compile(r"ALERT_[A-Z0-9_]{1,100}")


@dataclass(frozen=True, slots=True)
class AlertParams:
    """The numbers of a rule: each kind reads its own.

    `least`: calls from which on a new theme is told; `growth`: when one grows; `hours`: without an
    audit.
    """

    least: int = 1
    growth: Growth = PRESETS["daily"]
    hours: int = QUIET_HOURS

    @classmethod
    def of(cls, kind: AlertKind, given: Mapping[str, Any]) -> "AlertParams":
        """Return the numbers that were given for a kind; what is left out has its default.

        Raises:
            BadInput: a number is none, out of range, or of another kind of rule.
        """
        known = {"new_theme": {"least"}, "growing": GROWTH_FIELDS, "no_audit": {"hours"}}
        if strange := set(given) - known.get(kind, set()):
            raise BadInput(
                f"a rule of kind {kind} has no {', '.join(sorted(strange))}; "
                f"it has {', '.join(sorted(known.get(kind, set()))) or 'no numbers'}"
            )
        if kind == "growing":
            return cls(growth=_growth(given))
        if kind == "new_theme":
            return cls(least=_whole(given, "least", 1, 1, 10_000))
        if kind == "no_audit":
            return cls(hours=_whole(given, "hours", QUIET_HOURS, 1, 24 * 30))
        return cls()

    def as_given(self, kind: AlertKind) -> dict[str, float | int]:
        """Return all numbers that a kind reads."""
        match kind:
            case "new_theme":
                return {"least": self.least}
            case "no_audit":
                return {"hours": self.hours}
            case "growing":
                rule = self.growth
                return {
                    "recent_hours": rule.recent_hours,
                    "baseline_hours": rule.baseline_hours,
                    "least": rule.least,
                    "factor": rule.factor,
                }
        return {}


GROWTH_FIELDS = {"preset", "recent_hours", "baseline_hours", "least", "factor"}


def _growth(given: Mapping[str, Any]) -> Growth:
    name = given.get("preset", "daily")
    preset = next((rule for known, rule in PRESETS.items() if known == name), None)
    if preset is None:
        raise BadInput(f"preset {name!r} is none of {', '.join(PRESETS)}")
    factor = given.get("factor", preset.factor)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 <= factor <= 1000:
        raise BadInput(f"factor {factor!r} is no number from 1 to 1000")
    return Growth(
        _whole(given, "recent_hours", preset.recent_hours, 1, 24 * 7),
        # Themes are known for thirty days.
        _whole(given, "baseline_hours", preset.baseline_hours, 1, 24 * 21),
        _whole(given, "least", preset.least, 1, 10_000),
        float(factor),
    )


def _whole(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = given.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadInput(f"{name} {value!r} is no whole number from {least} to {most}")
    return value


def checked_variable(name: str, field: str) -> str:
    """Return the name of an environment variable that a rule may use.

    Raises:
        BadInput: it may not.
    """
    if not VARIABLE.fullmatch(name):
        raise BadInput(
            f"{field} {name[:80]!r} cannot be used: name a variable that begins with ALERT_, such "
            "as ALERT_SLACK_URL, and set it in the environment or in .env"
        )
    return name
