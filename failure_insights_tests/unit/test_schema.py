"""Migrations that were released stay as they are: stores out there were made by them."""

from hashlib import sha256
from importlib.resources import files

from failure_insights.store.schema import versions

#: SHA-256 of each file, by the release that brought it. A release adds its own, and a filled store
#: of its newest version in `pipeline/stores/`; what is here is never changed.
RELEASED = {
    "0.1.0": {
        "0001_initial.py": "882b8deca02b658065d4fb31c9d7419914793f0f1e055bba6afe300e59a720b1",
        "0001_initial.sql": "e31f493c4f5122fb7a21f2348e8b913108b1baadf1f990e9a537c9a5db7f95f1",
        "0002_llm_cache.py": "a7ccf1abdeedcf92049445d0262537fbab2cd713d6290713d7c4b0016c47bb42",
        "0002_llm_cache.sql": "7b020fcdbeda83eb99c995c082d296008511d9b3d704f42c4cfbbec92864ac2b",
    }
}
FOLDER = files("failure_insights.store") / "migrations" / "versions"


def test_a_released_migration_is_never_edited() -> None:
    released = {name: digest for each in RELEASED.values() for name, digest in each.items()}
    current = {name: sha256((FOLDER / name).read_bytes()).hexdigest() for name in released}
    assert current == released, "write a new migration instead"


def test_versions_are_numbered_one_after_the_other() -> None:
    assert versions() == tuple(f"{number:04}" for number in range(1, len(versions()) + 1))
