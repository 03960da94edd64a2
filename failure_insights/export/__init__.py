"""One insight as Markdown, JSON or CSV."""
