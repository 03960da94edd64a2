"""Everything that a run uses, imported and built, for the process that runs are forks of."""

import gc
from importlib import import_module

from failure_insights.definitions import defs
from failure_insights.orchestration.runs import JOB
from failure_insights.settings import get_settings

#: What Dagster and our auditors import only when they come to it.
LATE = (
    "dagster._core.instance.factory",
    "dagster._core.secrets.env_file",
    "dagster._grpc.impl",
    "failure_insights.audit.wording",
    "failure_insights.orchestration.patches.storage",
    "psycopg2.extras",
    "scipy.cluster.hierarchy",
    "scipy.optimize",
    "scipy.spatial.distance",
    "sklearn.feature_extraction.text",
    "upath.implementations.local",
)
OF_THE_AGENT = (
    "failure_insights.audit.agent.auditor",
    "failure_insights.audit.estimates",
    "failure_insights.audit.llm_endpoint",
    "sklearn.linear_model",
    "sklearn.model_selection",
)

for module in (*LATE, *(OF_THE_AGENT if get_settings().uses_agent else ())):
    import_module(module)
defs.get_repository_def().get_job(JOB)
# Garbage collections of the forks need not look at all this again, nor copy its pages.
gc.freeze()
