"""Units of a dump."""
