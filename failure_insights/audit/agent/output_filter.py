"""Filters the text that leaves an audit: plain words about the agent, nothing from a call itself.

Prompt-injection defences inside the model can be talked around; of those tested against adaptive
attacks only checks of the output held. So these apply to every title, description and fix.
"""

# ruff: noqa: RUF001 - letters and marks of other scripts are meant
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from failure_insights.domain.calls import Turn
from failure_insights.text.harmless import clean
from failure_insights.text.masking import leave_out

#: Characters of a field that are read: ten times what is shown of the longest.
MAX_CHARACTERS = 6_000
TITLE_WORDS = 12
TITLE_CHARACTERS = 90
SENTENCE_CHARACTERS = 300
DESCRIPTION_CHARACTERS = 500
CRITERION_CHARACTERS = 600
FIX_CHARACTERS = 320
#: So many words in a row that stand in a transcript too are a copy of it, not a description.
COPIED_WORDS = 7

_MARKDOWN_LINK = re.compile(r"!?\[([^\]\[\n]{0,300})\]\s{0,5}\(([^)\n]{0,500})\)?")
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://\S*|\b(?:javascript|data|mailto|tel):\S*|\bwww\.\S+", re.IGNORECASE
)
#: Where a domain or an e-mail address has its fixed part. What stands around it goes too: patterns
#: for the whole would try every beginning, which is quadratic in `1.1.1.1.`.
_DOMAIN_END = re.compile(
    r"\.(?:com|net|org|io|ai|dev|co|app|info|ru|cn)\b\S*|@[\w-]+\.[\w.]+", re.I
)
_BEFORE_DOMAIN = frozenset(".-_+%")
_TAG = re.compile(r"</?[A-Za-z!?][^<>]{0,200}>")
_MARK = re.compile(r"[`*#|~<>{}\[\]\\]+|(?<!\w)_+|_+(?!\w)")
#: A phone, card or account number, in groups or not. An error code or a year is shorter.
_NUMBER = re.compile(r"(?<![\w])\+?\(?\d(?:(?:[\s.-]|\)\s?|\s?\()?\d){5,}")
#: Numbers of calls are counted by code; one that an LLM gives is at best the same.
_COUNT = re.compile(
    r"\b\d[\d.,]{0,15}\s{0,3}(?:%|percent|(?:of|out of)\s+(?:the\s+)?\d|(?:\w{1,20}\s)?calls?\b)",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"\b(?:c\d{3,}|th_\w{4,}|[tT]\d)\b")
_ENDLESS = re.compile(r"[\x21-\x7e]{41,}")
_VAGUE = re.compile(
    r"\W*(?:misc\w*|various|others?|general|unknown|unclear|n/?a|none)\b.{0,25}", re.IGNORECASE
)


@dataclass(frozen=True)
class OutputFilter:
    """Filters of one audit: it knows the IDs that may not be named, and what callers said."""

    call_ids: Sequence[str]
    _copied: set[int] = field(default_factory=set)

    def learn(self, turns: Iterable[Turn]) -> None:
        """Remember the words of a transcript that was read, so that no output repeats them."""
        for turn in turns:
            self._copied.update(_runs(turn.content[:20_000]))

    def title(self, text: str) -> str:
        """Return the text as a title, or "" where it names no mechanism."""
        plain = " ".join(self._plain(text).rstrip(" .:;,-").split()[: TITLE_WORDS + 1])
        if len(plain.split()) > TITLE_WORDS or len(plain) > TITLE_CHARACTERS:
            plain = _shortened(" ".join(plain.split()[:TITLE_WORDS]), TITLE_CHARACTERS).rstrip("…")
        if (
            any(map(_ENDLESS.fullmatch, plain.split()))
            or _VAGUE.fullmatch(plain)
            or not any(map(str.isalpha, plain))
            or self._repeats(plain)
        ):
            return ""
        return plain[:1].upper() + plain[1:]

    def sentences(self, text: str, most: int) -> str:
        """Return the text's sentences that may be shown, up to so many characters."""
        kept = [
            sentence
            for sentence in re.split(r"(?<=[.!?。！？])\s+", self._plain(text))
            if not self._repeats(sentence) and not _COUNT.search(sentence)
        ]
        return _shortened(" ".join(kept), most)

    def words(self, text: str, most: int) -> str:
        """Return text whose numbers the caller has checked, as plain words."""
        return _shortened(self._plain(text), most)

    def _plain(self, text: str) -> str:
        text = unicodedata.normalize("NFKC", clean(text[:MAX_CHARACTERS]))
        text = _MARKDOWN_LINK.sub("", _TAG.sub("", text))
        text = _LOCAL.sub("", _NUMBER.sub("…", leave_out(_without_addresses(text))))
        for call_id in self.call_ids:
            if len(call_id) > 3 and call_id in text:
                text = re.sub(rf"(?<!\w){re.escape(call_id)}(?!\w)", "", text)
        text = _MARK.sub(" ", text.replace("‹", " ").replace("›", " "))
        text = "".join(c for c in text if unicodedata.category(c) not in ("So", "Sk", "Cs", "Co"))
        return re.sub(r"\s+([,.;:!?])", r"\1", " ".join(text.split()))

    def _repeats(self, text: str) -> bool:
        return not self._copied.isdisjoint(_runs(text))


def _without_addresses(text: str) -> str:
    """Return the text without web and e-mail addresses; takes time in proportion to its length."""
    text = _ADDRESS.sub("", text)
    parts: list[str] = []
    last = 0
    for match in _DOMAIN_END.finditer(text):
        start = match.start()
        while start > last and (text[start - 1].isalnum() or text[start - 1] in _BEFORE_DOMAIN):
            start -= 1
        parts.append(text[last:start])
        last = match.end()
    return "".join([*parts, text[last:]])


def _runs(text: str) -> Iterable[int]:
    words = re.findall(r"\w+", text.casefold())
    return (hash(tuple(words[i : i + COPIED_WORDS])) for i in range(len(words) - COPIED_WORDS + 1))


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    whole = text[:most]
    end = max(whole.rfind(mark) for mark in (". ", "! ", "? ", "。"))
    return whole[: end + 1] if end > most // 2 else whole.rsplit(None, 1)[0][: most - 1] + "…"
