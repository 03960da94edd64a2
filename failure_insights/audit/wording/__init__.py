"""The auditor that needs no LLM and no network: groups of like judge explanations."""

from failure_insights.audit.wording.auditor import WordingAuditor

__all__ = ["WordingAuditor"]
