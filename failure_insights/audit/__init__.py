"""Auditors: from a pool and its metric card to a breakdown."""
