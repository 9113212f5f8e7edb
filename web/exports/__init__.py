"""Findings as documents that other tools read: pure functions from messages to text."""
