"""What a run over many partitions needs and Dagster does only one by one, or does not tell.

It reaches below Dagster's public names, which is why `pyproject.toml` pins its release;
`test_grid.py` fails if a new one moves them.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    generate_event_batch_id,
)
from dagster._core.execution.context.metadata_logging import (
    AssetMetadataHandle,
    OutputMetadataAccumulator,
)
from dagster._core.execution.context.system import StepExecutionContext

PartitionMetadata = Mapping[str, Mapping[str, Any]]


def add_partition_metadata(context: dg.AssetExecutionContext, metadata: PartitionMetadata) -> None:
    """Attach metadata to the materialization of each partition.

    `context.add_asset_metadata(partition_key=...)` does the same for one, resolving the run's
    whole partition range each time: 18 ms a key at 300 keys, and growing with their number.
    """
    step = _step(context)
    gathered = dict(step._metadata_accumulator.per_output_metadata)
    for key, values in metadata.items():
        gathered[AssetMetadataHandle(asset_key=context.asset_key, partition_key=key)] = values
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=gathered)


def report_materializations(context: dg.AssetExecutionContext, metadata: PartitionMetadata) -> None:
    """Report that these partitions are materialized, in one write.

    An asset that yields them one by one pays several statements for each.
    """
    step, batch = _step(context), generate_event_batch_id()  # type: ignore[no-untyped-call]
    for number, (key, values) in enumerate(metadata.items(), start=1):
        materialization = dg.AssetMaterialization(
            context.asset_key, partition=key, metadata=values, tags=_dimension_tags(key)
        )
        is_last = number == len(metadata)
        DagsterEvent.asset_materialization(
            step, materialization, DagsterEventBatchMetadata(batch, is_last)
        )


def is_step_of_run(context: dg.AssetExecutionContext, step: str) -> bool:
    """Return whether the run executes this step, besides the context's own."""
    return step in _step(context).execution_plan.step_keys_to_execute


def _step(context: dg.AssetExecutionContext) -> StepExecutionContext:
    return context.op_execution_context.get_step_execution_context()


def _dimension_tags(key: str) -> dict[str, str]:
    day, _, pair = key.partition("|")
    return {"dagster/partition/date": day, "dagster/partition/project_metric": pair}
