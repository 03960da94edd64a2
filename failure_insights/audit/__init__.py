"""Auditors: from a pool and its metric card to a breakdown."""

from sqlalchemy import Engine

from failure_insights.audit.auditor import Auditor
from failure_insights.settings import Settings


def choose_auditor(settings: Settings, engine: Engine) -> Auditor:  # noqa: ARG001
    """Return the auditor that the settings name."""
    from failure_insights.audit.wording import WordingAuditor

    return WordingAuditor()
