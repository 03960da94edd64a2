"""The prompts: one Markdown file each, its version on top. Code fills them, never builds them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Prompt:
    """A prompt in parts, each under a `# Heading` of its file.

    `Task` is what every call is told, `Data` what one is asked about; both have {{slots}}. Other
    parts are ways of working, of which a caller names the one that is told.
    """

    name: str
    version: str
    sha: str
    parts: Mapping[str, str]

    def fill(self, way: str | None = None, **slots: str) -> tuple[str, str]:
        """Return the task and the data with every slot filled, in one pass: no slot inside a
        value counts.

        Args:
            way: heading of the way of working to tell with the task.

        Raises:
            KeyError: the file has no such part, or a slot that the code does not fill.
        """
        told = [self.parts["Task"], *([self.parts[way]] if way else [])]
        return _filled("\n\n".join(told), slots), _filled(self.parts["Data"], slots)


@cache
def load(name: str) -> Prompt:
    """Return the prompt of `NAME.md`; its `sha` is of the whole file.

    Raises:
        ValueError: the file lacks its version, its task or its data.
    """
    raw = files(__package__).joinpath(f"{name}.md").read_bytes()
    head, *sections = re.split(r"^# ", raw.decode("utf-8"), flags=re.MULTILINE)
    version = re.fullmatch(r"<!-- version: (\S+) -->", head.strip())
    parts = dict(section.partition("\n")[::2] for section in sections)
    if version is None or not {"Task", "Data"} <= parts.keys():
        raise ValueError(f"prompts/{name}.md needs a version comment on top, a Task and a Data")
    parts = {heading.strip(): text.strip() for heading, text in parts.items()}
    return Prompt(name, version[1], hashlib.sha256(raw).hexdigest(), parts)


def _filled(text: str, slots: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: slots[match[1]], text)
