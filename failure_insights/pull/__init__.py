"""Clients of providers' APIs that bring the calls of a source, and what drives them."""
