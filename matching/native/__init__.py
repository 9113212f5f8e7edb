"""The native scanner: C11 without Python's headers, built at install where a compiler is (`build`)."""
