"""Tests of what turns words into values."""
