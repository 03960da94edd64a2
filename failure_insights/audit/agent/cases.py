"""Making calls ready to be read: harmless text, local handles, numbered lines, windows.

Whatever a stranger wrote reaches an LLM only through here. A transcript becomes one line per turn,
`k7qx2m|012|agent| text`: the mark says "this is evidence", and mark and number together are the
address that a quote cites. (Datamarking: Hines et al. 2024, "Spotlighting". A help, no boundary.)
"""

# ruff: noqa: RUF001, RUF003 - letters and marks of other scripts are meant
import hashlib
import re
import unicodedata
from base64 import b32encode, b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from failure_insights.domain.calls import Turn
from failure_insights.domain.pools import FailingCall, Pool

#: Tokens of an explanation that are read, and of one line of a transcript.
EXPLANATION_TOKENS, LINE_TOKENS = 400, 300
#: Turns that are always read of a long call: how it began, and how it ended.
FIRST_TURNS, LAST_TURNS = 6, 8

_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_ROLE_TOKEN = re.compile(
    r"<\|([^|<>\n]{1,40})\|>|<(/?(?:system|assistant|user|developer|tool|human|im_start|im_end)\b"
    r"[^<>\n]{0,40})>|\[(/?INST|/?SYS)\]",
    re.IGNORECASE,
)
#: Text that talks to whoever audits the call. A hit costs the call its voice, never its place in
#: the counts; what is missed here meets the checks of every answer.
_INSTRUCTION = re.compile(
    r"(?:ignore|disregard|forget|override)\s+"
    r"(?:all|any|every|the above|previous|prior|your|these)\b"
    r"|(?:label|classify|categori[sz]e|mark|count|file)\s+(?:all|every|each|(?:the )?other)\b"
    r".{0,30}\b(?:calls?|items?)\b"
    r"|(?:mark|count|treat)\s+(?:this|it|the call)\s+(?:call\s+)?(?:as\s+)?a pass"
    r"|(?:all|every|other)\s+(?:calls?|items?)\b.{0,20}\b(?:to|as|in|are|belong)\b.{0,10}\bt\d\b"
    r"|\b(?:reuse|use)\s+(?:theme\s+)?th_\w+|return an empty list|reuse_theme_id|submit_breakdown"
    r"|(?:the )?judge was wrong,? (?:so )?(?:mark|count|treat)"
    r"|\b(?:note to|dear|attention)\b.{0,12}"
    r"\b(?:auditor|analyst|classifier|llm|language model|ai model)|\bauditor\s*:"
    r"|^\W*(?:system|developer)\s*(?:prompt|message)?\s*:"
    r"|new (?:system )?instructions?\s*:"
    r"|</?(?:system|assistant|developer)\b|<\|[a-z_]+\||\[/?inst\]|\bc\d{3,4}'s (?:text|transcript)"
    r"|!\[[^\]]{0,80}\]\s*\(https?:[^)\s]*\?\w+=|\"?(?:label|theme)\"?\s*:\s*\"?t\d\b|verdict_check\"?\s*:"
    r"|ignor\w+ (?:las|les|todas|toutes|as|le) .{0,20}(?:instruc|consign)"
    r"|ignoriere .{0,30}(?:anweisung|vorgabe)|忽略.{0,12}(?:指令|说明|指示)|(?:指示|命令)を無視"
    r"|игнорируй.{0,30}(?:инструкц|указани)|تجاهل.{0,20}(?:التعليمات|تعليمات)",
    re.IGNORECASE | re.MULTILINE,
)
_BASE64 = re.compile(r"\b[A-Za-z0-9+/]{24,}={0,2}")
#: Letters of other alphabets that look Latin: "іgnоrе" is written with Cyrillic ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһոցԛԝАВЕКМНОРСТХІЅЈαοερτυνικχ", "aeopcyxijsdhngqwABEKMHOPCTXISJaoeptuvikx"
)


@dataclass(frozen=True)
class Case:
    """A failing call under its local handle; `explanation` is harmless and cut to what is read.

    `flagged` is whether the explanation reads like instructions to its reader.
    """

    handle: str
    call: FailingCall
    explanation: str
    flagged: bool

    @property
    def call_id(self) -> str:
        return self.call.call_id


@dataclass(frozen=True)
class Reading:
    """A transcript as an LLM reads it; `mark` begins each of its lines."""

    turns: Sequence[Turn]
    text: str
    mark: str
    flagged: bool

    @property
    def is_empty(self) -> bool:
        return not any(turn.content.strip() for turn in self.turns)


def prepare(pool: Pool) -> list[Case]:
    """Return the pool's calls as c001, c002, ... in the order of their IDs."""
    digits = max(3, len(str(len(pool.calls))))
    return [
        Case(
            f"c{number:0{digits}}",
            call,
            cut(clean(call.explanation), EXPLANATION_TOKENS),
            reads_like_instructions(call.explanation),
        )
        for number, call in enumerate(sorted(pool.calls, key=lambda c: c.call_id), start=1)
    ]


def clean(text: str) -> str:
    """Return the text on one line, without invisible characters, role tokens defused."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = _INVISIBLE.sub("", " ".join(text.split()))
    return _ROLE_TOKEN.sub(lambda match: f"‹{match[0][1:-1]}›", text)


def reads_like_instructions(text: str) -> bool:
    """Return whether the text, decoded where it is disguised, speaks to whoever reads it."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text[:200_000]))
    forms = [text, text.translate(_LOOKALIKES), *map(_decoded, _BASE64.findall(text)[:20])]
    return any(_INSTRUCTION.search(form) for form in forms)


def _decoded(blob: str) -> str:
    try:
        return b64decode(blob + "=" * (-len(blob) % 4)).decode("utf-8")
    except (NotBase64, ValueError):
        return ""


def tokens(text: str) -> int:
    """Return about how many tokens the text has: four ASCII characters each, others one each."""
    ascii_only = sum(map(str.isascii, text)) if not text.isascii() else len(text)
    return ascii_only // 4 + (len(text) - ascii_only) + 1


def cut(text: str, most: int) -> str:
    """Return the text, or its beginning and end where it is longer than so many tokens."""
    if tokens(text) <= most:
        return text
    keep = int(most * (4 if text.isascii() else max(1.0, len(text) / tokens(text))))
    return f"{text[: keep * 2 // 3].rstrip()} [...] {text[-keep // 3 :].lstrip()}"


def read(turns: Sequence[Turn], explanation: str, max_tokens: int) -> Reading:
    """Return the transcript in numbered lines, a window of it where it is too long.

    Args:
        explanation: the judge's words, which lines of the window are chosen by.
        max_tokens: of all lines together.
    """
    contents = [clean(turn.content) for turn in turns]
    whole = "\n".join(f"{turn.role}:{turn.content}" for turn in turns)
    digest = hashlib.sha256(whole.encode("utf-8", "replace")).digest()
    mark = b32encode(digest)[:6].decode().lower()
    lines = []
    for number, (turn, content) in enumerate(zip(turns, contents, strict=True)):
        speaker = f"{turn.role} {clean(turn.tool_name)[:40]}" if turn.tool_name else turn.role
        lines.append(f"{mark}|{number:03}|{speaker}| {cut(content, LINE_TOKENS)}")
    kept = _window(contents, lines, clean(explanation), max_tokens)
    said = (text for turn in turns for text in (turn.content, turn.tool_name) if text)
    flagged = any(map(reads_like_instructions, said))
    return Reading(turns, _with_gaps(lines, kept), mark, flagged)


def _window(
    contents: Sequence[str], lines: Sequence[str], explanation: str, max_tokens: int
) -> set[int]:
    """Return the lines to keep: the ends, then those most like the explanation, with neighbours."""
    costs = [tokens(line) for line in lines]
    if sum(costs) <= max_tokens:
        return set(range(len(lines)))
    ends = [*range(min(FIRST_TURNS, len(lines))), *range(len(lines))[-LAST_TURNS:]]
    worth = _likeness(contents, explanation)
    ranked = sorted(range(len(lines)), key=lambda i: (-worth[i], i))
    near = (j for i in ranked for j in (i, i - 1, i + 1, i - 2, i + 2) if 0 <= j < len(lines))
    kept: set[int] = set()
    spent = 0
    # The best lines go first: the ends of a call of very long lines must not crowd them out.
    for index in [*ranked[:3], *ends, *near]:
        if index not in kept and spent + costs[index] <= max_tokens:
            kept.add(index)
            spent += costs[index]
    return kept


def _likeness(contents: Sequence[str], explanation: str) -> list[float]:
    """Return how much each turn has of the explanation's words; rare words count for more."""
    wanted = set(_words(explanation))
    found = [wanted & set(_words(content)) for content in contents]
    turns_with = Counter(word for words in found for word in words)
    failed = [0.5 * bool(re.search(r"error|fail|exception|timeout", c, re.I)) for c in contents]
    return [
        sum(log(1 + len(contents) / turns_with[word]) for word in words) + bonus
        for words, bonus in zip(found, failed, strict=True)
    ]


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text[:20_000].casefold()) if len(word) > 3]


def _with_gaps(lines: Sequence[str], kept: set[int]) -> str:
    shown: list[str] = []
    last = -1
    for index in sorted(kept):
        if index > last + 1:
            shown.append(f"[... lines {last + 1}-{index - 1} omitted ...]")
        shown.append(lines[index])
        last = index
    if last + 1 < len(lines):
        shown.append(f"[... lines {last + 1}-{len(lines) - 1} omitted ...]")
    return "\n".join(shown)
