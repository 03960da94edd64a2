"""Text of strangers as plain words inside Markdown."""

import re

#: Anywhere; at the edge of a word; at the beginning, where a list or a heading could begin; and
#: where an HTML entity begins.
_FORMATS = re.compile(
    r"[\\`*\[\]<>|~]|(?<!\w)_|_(?!\w)|^[-+#=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]|&(?=#?\w+;)"
)


def plain(text: str) -> str:
    """Return text on one line that formats nothing where it is put into Markdown or HTML.

    Only what could format is escaped: people read this in terminals too.
    """
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _FORMATS.sub(r"\\\g<0>", one_line)
