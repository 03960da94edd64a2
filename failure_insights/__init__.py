"""Root causes of failing voice-agent calls: themes with counts, verified quotes and links."""
