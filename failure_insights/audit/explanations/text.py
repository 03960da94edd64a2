"""Reads a judge's explanation: its sentences, and its words without what points at a customer."""

# ruff: noqa: RUF001 - quotation marks and dashes of every script are what this file is about
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failure_insights.text.harmless import CJK, CJK_RANGES, INVISIBLE_OR_JOINER
from failure_insights.text.quotes import cut_quote

#: Characters of an explanation that are read: a judge states its reason well before that.
MAX_CHARACTERS = 4_000

_MARKUP = re.compile(r"```+|[*_~#>|`]{2,}|^\s*(?:[-*•#>]+|\d+[.)])\s+|[*`]|<[^<>]{1,80}>", re.M)
_PRIVATE = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.]+"  # addresses
    r"|\[(?:\d{1,2}:)?\d{1,2}:\d{2}\]|\+?\d[\d\s().-]{6,}\d"  # times of a call, phone numbers
)
#: Vowel signs and accents that stand as characters of their own, and are part of a word.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    r"\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff\u1000-\u109f"
)
_LETTER = rf"(?:[^\W_{CJK_RANGES}]|[{_MARKS}])"
_TOKEN = re.compile(rf"[{CJK_RANGES}]|{_LETTER}+(?:(?:['’_./@-]|::){_LETTER}+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|[。！？]|\n+|\s+[-–—•]\s+")
_BREAK = re.compile(r"[.!?;:,()\[\]{}\"“”„«»。、，；：！？…\n]|\s[-–—]\s")

#: Words that carry no topic. Negations are kept: "never confirmed" is not "confirmed". Those of
#: other languages leave out what means something in English, such as "die" and "war".
STOP_WORDS = frozenset(
    """
    a about above after again all also although am an and any are as at be because been before being
    between both but by can could did do does doing down during each either else even for from
    further had has have having he hence her here hers herself him himself his how however i if in
    instead into is it it's its itself just may me might more most must my myself of off on once
    only or other our ours out over own per rather same shall she should since so some still such
    than that the their theirs them themselves then there therefore these they this those though
    through thus to too under until up upon very via was we were what when where whether which while
    who whom whose why will with within would yet you your yours yourself

    aber als am auch auf aus bei beim das dass dem den der des durch ein eine einem einen einer
    eines er es für hat hatte ihm ihn im ist mit nach oder sei sein seine sich sie sind um
    und von vom vor wegen werden wie wird wurde wurden zu zum zur
    al como con cuando cual de del desde donde el ella en entre era es esta este esto fue ha había
    hasta la las le les lo los más mientras muy o para pero por porque que se ser si sobre su sus
    también una uno un ya y
    au aux avec ce cela cette ces dans des du elle en est et être été il ils je la le leur lui mais
    même ou par pour qu que qui sa ses sur une un à été était
    ao aos com da das do dos e ela em essa esse foi isso mais mas na nas nos o os ou pela pelo
    quando seu sua são também um uma
    che col come cui dal dalla degli dei del della delle di ed era gli ha il la lo nel nella per più
    quando quello questa questo si sono su sul tra un una è
    bij dat de deze een en haar heeft het hij naar of om ook op te tot uit van voor
    waar was werd wordt zijn zo
    """.split()  # noqa: SIM905 - a list of quoted words would be three pages
)
#: Words of every judge and every group, which name none.
GENERIC_WORDS = frozenset(
    """
    agent assistant bot call caller conversation customer main never no not patient user without
    """.split()  # noqa: SIM905
)
#: A longer run of letters is no word: a key, a blob, a held key.
LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Word:
    """One word of an explanation: as it is compared, as it is written, and where it stands."""

    folded: str
    surface: str
    start: int
    end: int
    #: Whether a sentence begins, or a clause breaks, just before the word.
    starts_sentence: bool
    after_break: bool

    @property
    def is_private(self) -> bool:
        """Whether the word may point at one customer: it holds a digit, an address or a key."""
        return (
            any(c.isdigit() or c in "@/" for c in self.folded) or len(self.surface) > LONGEST_WORD
        )

    @property
    def is_identifier(self) -> bool:
        """Whether it is a code such as a flight's or a booking's: letters and digits in one."""
        return any(c.isdigit() for c in self.surface) and any(c.isalpha() for c in self.surface)

    @property
    def is_cjk(self) -> bool:
        """Whether it is one character of a script without spaces, which counts as a word here."""
        return bool(CJK.match(self.surface))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A judge's words about one call: as given, readable, and word by word."""

    call_id: str
    original: str
    text: str
    words: tuple[Word, ...]

    @property
    def is_empty(self) -> bool:
        """Whether it holds no word to compare."""
        return not any(not word.is_private for word in self.words)


def read(call_id: str, original: str) -> Explanation:
    """Return the explanation, cut to what is read and free of markup and addresses."""
    text = INVISIBLE_OR_JOINER.sub("", original[: MAX_CHARACTERS * 2])
    text = _PRIVATE.sub(" , ", _MARKUP.sub(" ", text))[:MAX_CHARACTERS]
    text = re.sub(r"[^\S\n]+", " ", text).strip()
    return Explanation(call_id, original, text, tuple(_words(text)))


def _words(text: str) -> list[Word]:
    words: list[Word] = []
    last = 0
    for match in _TOKEN.finditer(text):
        gap = text[last : match.start()]
        starts = not words or bool(_SENTENCE_END.search(gap + " ")) or "\n" in gap
        breaks = starts or bool(_BREAK.search(gap))
        surface = match[0]
        folded = unicodedata.normalize("NFKC", surface).casefold().replace("’", "'")
        words.append(Word(folded, surface, match.start(), match.end(), starts, breaks))
        last = match.end()
    return words


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each exactly as it stands there."""
    parts: list[str] = []
    last = 0
    for match in _SENTENCE_END.finditer(text):
        parts.append(text[last : match.start()] + match[0].rstrip())
        last = match.end()
    parts.append(text[last:])
    return [part.strip() for part in parts if part.strip()]


def best_sentence(explanation: str, telling: Mapping[str, float]) -> str:
    """Return the sentence with most of the telling words, word for word; "" if there is none."""
    said = sentences(explanation[:MAX_CHARACTERS])
    return cut_quote(max(said, key=lambda sentence: worth(sentence, telling), default=""))


def worth(text: str, telling: Mapping[str, float]) -> float:
    """Return the weights of a text's telling words, each word counted once."""
    words = {word.casefold() for word in re.findall(r"[^\W_](?:[\w'’-]*[^\W_])?", text)}
    return sum(telling.get(word, 0.0) for word in words)


def names(explanations: Sequence[Explanation]) -> frozenset[str]:
    """Return the words that only ever stand with a capital, so that they may be names."""
    small = {w.folded for e in explanations for w in e.words if w.surface[0].islower()}
    large = {w.folded for e in explanations for w in e.words if w.surface[0].isupper()}
    return frozenset(large - small - STOP_WORDS - GENERIC_WORDS)
