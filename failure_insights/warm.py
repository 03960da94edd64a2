"""Everything that a run uses, imported and built, for the process that runs are forks of."""

import gc

import dagster._grpc.impl
import scipy.cluster.hierarchy
import scipy.optimize
import scipy.sparse
import scipy.spatial.distance
import sklearn.feature_extraction.text

from failure_insights.audit.wording import WordingAuditor
from failure_insights.definitions import defs

__all__ = ["WordingAuditor", "dagster", "scipy", "sklearn"]

defs.get_repository_def().get_job("audit")
# Garbage collections of the forks need not look at all this again, nor copy its pages.
gc.freeze()
