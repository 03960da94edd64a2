"""Where Dagster keeps its state: a folder under `home`, with the project's `dagster.yaml`."""

import os
from pathlib import Path

import dagster as dg

from failure_insights.settings import CHECKOUT, get_settings


def project_file(name: str) -> Path:
    """Return a file of the project's top: of the checkout, or of the installed package."""
    packaged = Path(__file__).parent / name
    return packaged if packaged.exists() else CHECKOUT / name


def dagster_home() -> Path:
    """Return DAGSTER_HOME: the environment's, or the folder under `home`, made if missing."""
    if given := os.environ.get("DAGSTER_HOME"):
        return Path(given)
    home = get_settings().home.resolve() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    link = home / "dagster.yaml"
    target = project_file("dagster.yaml")
    if not link.exists() or link.resolve() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def dagster_instance() -> dg.DagsterInstance:
    """Return the instance that `up` runs on, for commands that run beside it."""
    dagster_home()
    return dg.DagsterInstance.get()
