"""Where Dagster keeps its state: a folder under `home`, with the project's `dagster.yaml`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from failure_insights.settings import CHECKOUT, get_settings

if TYPE_CHECKING:
    import dagster as dg


def project_file(name: str) -> Path:
    """Return a file of the project's top: of the checkout, or of the installed package."""
    packaged = CHECKOUT / "failure_insights" / name
    return packaged if packaged.exists() else CHECKOUT / name


def dagster_home() -> Path:
    """Return the folder for DAGSTER_HOME: the environment's, if its `dagster.yaml` is one of
    ours, and not of another Dagster project; else the one under `home`, made if missing."""
    given = Path(os.environ.get("DAGSTER_HOME") or "/nowhere") / "dagster.yaml"
    if given.is_file() and "failure_insights" in given.read_text():
        return given.parent
    home = get_settings().home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    link = home / "dagster.yaml"
    target = project_file("dagster.yaml")
    if not link.exists() or link.resolve() != target:
        # Put in place at once: other processes may be doing the same.
        made = home / f"dagster.yaml.{uuid4().hex}"
        made.symlink_to(target)
        made.replace(link)
    return home


def dagster_instance() -> "dg.DagsterInstance":
    """Return the instance that `up` runs on, for commands that run beside it."""
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(dagster_home())
    return dg.DagsterInstance.get()
