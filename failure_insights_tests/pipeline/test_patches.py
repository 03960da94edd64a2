"""Patches of Dagster: the pool of its storages, and what is left where a release lacks a name."""

import builtins
import multiprocessing
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterInvalidConfigError
from sqlalchemy import Engine

from failure_insights.errors import BadInput
from failure_insights.orchestration import patches
from failure_insights.orchestration.home import project_file
from failure_insights.orchestration.patches import forked_runs, storage
from failure_insights_tests.pipeline.grid import (
    FAILURE_AUDIT,
    AssetPartitionStatus,
    Grid,
)

pytestmark = pytest.mark.slow

PAIRS = ("clinic/csat", "clinic/relevancy")


def without(module: str, name: str) -> Callable[[pytest.MonkeyPatch], object]:
    """Return what takes a name of Dagster away from our patches; Dagster itself needs it."""
    original = builtins.__import__

    def importing(wanted: str, at: Any = None, here: Any = None, names: Any = (), level: int = 0):
        is_ours = str((at or {}).get("__name__")).startswith(patches.__name__)
        if is_ours and wanted == module and name in (names or ()):
            raise ImportError(f"cannot import name {name!r} from {module!r}")
        return original(wanted, at, here, names, level)

    return lambda monkeypatch: monkeypatch.setattr(builtins, "__import__", importing)


def daemon_without_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = ModuleType("dagster._daemon.sensor")
    monkeypatch.setitem(sys.modules, daemon.__name__, daemon)


#: How each patch comes to lack what it needs.
LACKING: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    # Dagster itself cannot do without it, so it is sought by a name that there is not.
    "storage": lambda monkeypatch: monkeypatch.setattr(storage, "ENGINE", "_engine_of_a_release"),
    "event_batches": without("dagster._core.storage.event_log.schema", "SqlEventLogStorageTable"),
    "partition_metadata": without(
        "dagster._core.execution.context.metadata_logging", "OutputMetadataAccumulator"
    ),
    "materializations": without("dagster._core.events", "generate_event_batch_id"),
    "sensor_interval": daemon_without_its_interval,
    "forked_runs": lambda monkeypatch: monkeypatch.setattr(
        multiprocessing, "get_all_start_methods", lambda: ["spawn"]
    ),
}


def test_every_patch_is_tried_without_what_it_needs() -> None:
    assert LACKING.keys() == patches.PATCHES.keys()


@pytest.mark.parametrize("name", LACKING)
def test_a_patch_that_lacks_a_name_warns_once_and_the_pipeline_works_as_before(
    name: str, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "_warned", set())
    monkeypatch.setattr(sys, "argv", ["dagster", "api", "grpc", "--socket", "code.sock"])
    for pair in ("Clinic/CSAT", "Clinic/Relevancy"):
        grid.fail(pair, 12)
    grid.sync()
    LACKING[name](monkeypatch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        for _ in range(2):
            with dg.DagsterInstance.from_ref(grid.instance.get_ref()) as instance:
                if name == "forked_runs":
                    forked_runs.install()
                assert Grid(grid.engine, instance).run(*PAIRS).success
    (warning,) = caught
    assert patches.PATCHES[name].without in str(warning.message)
    assert [row["status"] for row in grid.rows()] == ["succeeded"] * 4
    shown = grid.statuses(FAILURE_AUDIT, *PAIRS)
    assert set(shown.values()) == {AssetPartitionStatus.MATERIALIZED}
    assert grid.metadata(FAILURE_AUDIT, PAIRS[0])["themes"].value == 1


def instance_with(home: Path, **sizes: object) -> dg.DagsterInstance:
    """Return an instance with the project's `dagster.yaml` and these sizes of its pool."""
    configuration = yaml.safe_load(project_file("dagster.yaml").read_text())
    configuration["storage"]["custom"]["config"] = sizes
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    return dg.DagsterInstance.from_config(str(home))


def engines(instance: dg.DagsterInstance) -> list[Engine]:
    own: Any = instance.get_ref().storage
    return [own.run_storage._engine, own.event_log_storage._engine, own.schedule_storage._engine]


def test_the_pool_has_the_sizes_of_dagster_yaml_and_is_one_in_the_webserver_too(
    grid: Grid, tmp_path: Path
) -> None:
    with instance_with(tmp_path, pool_size=2, max_overflow=1, pool_recycle=60) as instance:
        (pool,) = {*engines(instance)}
        assert (pool.pool.size(), pool.pool._max_overflow, pool.pool._recycle) == (2, 1, 60)
        assert instance.get_runs() == []
        # As dagster-webserver does at its start.
        instance.optimize_for_webserver(statement_timeout=4321, pool_recycle=3, max_overflow=9)
        assert {*engines(instance)} == {pool}
        with pool.connect() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "4321ms"
        pool.dispose()


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ({"pool_size": 0}, BadInput),
        ({"max_overflow": -1}, BadInput),
        ({"pool_recycle": 0}, BadInput),
        ({"pool_size": "many"}, DagsterInvalidConfigError),
        ({"poolsize": 4}, DagsterInvalidConfigError),
    ],
)
def test_a_size_that_cannot_be_is_named(
    grid: Grid, tmp_path: Path, sizes: dict[str, Any], error: type[Exception]
) -> None:
    (name,) = sizes
    with pytest.raises(error, match=name) as raised, instance_with(tmp_path, **sizes):
        pass
    assert error is not BadInput or raised.value.code == "bad_pool_size"
