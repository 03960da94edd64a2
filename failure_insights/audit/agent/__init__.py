"""The auditor that reads calls: an LLM finds root causes, and code counts, quotes and decides."""

from failure_insights.audit.agent.auditor import AgentAuditor

__all__ = ["AgentAuditor"]
