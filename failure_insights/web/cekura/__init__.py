"""Cekura's paths, fields and statuses over the same rows, for clients that exist."""
