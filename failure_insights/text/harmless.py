"""Makes strangers' text safe to put into a prompt, and measures it in tokens."""

# ruff: noqa: RUF001, RUF002 - letters and marks of other scripts are meant
import re

#: Characters that nobody sees: controls (but not tab, newline and return), direction marks,
#: fillers, variation selectors, byte-order marks, lone surrogates, tags.
_INVISIBLE_RANGES = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e0fff"
)
#: Invisible too, but Persian words and family emoji are not the same without them: they are shown,
#: and left out only where two texts are compared.
_JOINER_RANGES = r"\u200c\u200d"

INVISIBLE = re.compile(f"[{_INVISIBLE_RANGES}]")
INVISIBLE_OR_JOINER = re.compile(f"[{_INVISIBLE_RANGES}{_JOINER_RANGES}]")

#: Characters of scripts that are written without spaces, as a character class of a pattern.
CJK_RANGES = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
CJK = re.compile(f"[{CJK_RANGES}]")

#: Marks by which chat models tell the system, the user and tools apart.
_ROLE_TOKEN = re.compile(
    r"<\|([^|<>\n]{1,40})\|>|<(/?(?:system|assistant|user|developer|tool|human|im_start|im_end)\b"
    r"[^<>\n]{0,40})>|\[(/?INST|/?SYS)\]",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Return the text on one line, without invisible characters, role tokens defused."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return defuse(INVISIBLE.sub("", " ".join(text.split())))


def defuse(text: str) -> str:
    """Return the text with role tokens in brackets that no chat model knows: `‹system›`."""
    return _ROLE_TOKEN.sub(lambda match: f"‹{match[0][1:-1]}›", text)


def tokens(text: str) -> int:
    """Return about how many tokens the text has: four ASCII characters each, others one each."""
    num_ascii = len(text) if text.isascii() else sum(map(str.isascii, text))
    return num_ascii // 4 + (len(text) - num_ascii) + 1


def cut(text: str, most: int) -> str:
    """Return the text, or its beginning and end where it is longer than so many tokens."""
    if tokens(text) <= most:
        return text
    keep = int(most * (4 if text.isascii() else max(1.0, len(text) / tokens(text))))
    return f"{_head(text, keep * 2 // 3)} [...] {_tail(text, keep // 3)}"


def _head(text: str, most: int) -> str:
    """Return the beginning of a text that is longer than `most` characters, of whole words."""
    head, _, rest = text[: most + 1].rpartition(" ")
    return head.rstrip() if len(rest) < most // 2 and head else text[:most].rstrip()


def _tail(text: str, most: int) -> str:
    """Return the end of a text that is longer than `most` characters, of whole words."""
    rest, _, tail = text[-most - 1 :].partition(" ")
    return tail.lstrip() if len(rest) < most // 2 and tail else text[-most:].lstrip()
