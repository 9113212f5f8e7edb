"""Tests of the cleaners, which turn words into values."""
