"""Texts of calls: exact quotes, harmless characters, plain Markdown."""
