"""Stub, replaced within minutes."""
