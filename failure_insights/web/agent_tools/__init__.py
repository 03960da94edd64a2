"""An MCP server: tools by which coding agents read themes and calls, and say what they found."""
