"""Addresses of pages, as parts of paths that pages and messages share."""

from functools import lru_cache
from urllib.parse import quote


@lru_cache(maxsize=10_000)
def part(text: str) -> str:
    """Return text as one part of a path, its slashes encoded too."""
    return quote(text, safe="")


def insight_path(project: str, insight_id: int) -> str:
    return f"/projects/{part(project)}/insights/{insight_id}"


def group_anchor(insight_id: int, group: str) -> str:
    """The id of a group's element. Slugs hold no underscore, so no card can have it too."""
    return f"group_{insight_id}_{group}"


def digest_path(project: str, digest_id: int) -> str:
    return f"/projects/{part(project)}/digests/{digest_id}"
