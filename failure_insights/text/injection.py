"""Recognises text that speaks to whoever reads it, such as "ignore all previous instructions".

A call with such text is still counted, but its text shapes no theme and is not quoted to other
readers. What the patterns miss meets the checks of every answer (`audit.agent.output_filter`).
"""

# ruff: noqa: RUF003 - letters of other alphabets are meant
import re
import tomllib
import unicodedata
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from failure_insights.text.harmless import INVISIBLE

#: Characters of a text that are searched.
MAX_CHARACTERS = 200_000
#: Base64 runs of a text that are decoded and searched.
MAX_DECODED = 20

_BASE64 = re.compile(r"\b[A-Za-z0-9+/]{24,}={0,2}")
#: Letters of other alphabets that look Latin: "іgnоrе" is written with Cyrillic ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһոցԛԝАВЕКМНОРСТХІЅЈαοερτυνικχ", "aeopcyxijsdhngqwABEKMHOPCTXISJaoeptuvikx"
)


@dataclass(frozen=True, slots=True)
class InjectionPattern:
    """One pattern of `injection_patterns.toml`, with a text that it matches and one it does not."""

    name: str
    regex: str
    matches: str
    not_matches: str


@cache
def injection_patterns() -> tuple[InjectionPattern, ...]:
    """Return the patterns of `injection_patterns.toml`, in the file's order."""
    raw = files(__package__).joinpath("injection_patterns.toml").read_text("utf-8")
    return tuple(InjectionPattern(**pattern) for pattern in tomllib.loads(raw)["pattern"])


def reads_like_instructions(text: str) -> bool:
    """Return whether the text, decoded where it is disguised, speaks to whoever reads it."""
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]))
    runs = _BASE64.findall(text)[:MAX_DECODED]
    forms = [text, text.translate(_LOOKALIKES), *map(_decoded, runs)]
    return any(_any_pattern().search(form) for form in dict.fromkeys(forms))


@cache
def _any_pattern() -> re.Pattern[str]:
    joined = "|".join(f"(?:{pattern.regex})" for pattern in injection_patterns())
    return re.compile(joined, re.IGNORECASE | re.MULTILINE)


def _decoded(run: str) -> str:
    try:
        return b64decode(run + "=" * (-len(run) % 4)).decode("utf-8")
    except (NotBase64, ValueError):
        return ""
