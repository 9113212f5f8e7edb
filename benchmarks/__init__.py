"""Measurements against named peers, in ratios of CPU time within one run: `make bench`."""
