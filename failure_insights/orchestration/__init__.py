"""Dagster: the assets, what starts them, the grid of dates and pairs, what a run keeps."""
