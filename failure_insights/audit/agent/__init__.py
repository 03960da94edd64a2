"""The auditor that reads calls: an LLM finds root causes, and code counts, quotes and decides."""
