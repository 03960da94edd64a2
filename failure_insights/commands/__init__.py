"""The commands of `failure-insights`: each reads its options, calls what works, and prints."""
