"""The practice sites on loopback: a marketplace, a forum and a paste site, each with its own markup.

`python -m demo.sites` serves them in its own process. See `__main__` for its input and output.
"""
