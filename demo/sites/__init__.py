"""The practice sites: a marketplace, a forum and a paste site on loopback, each with a markup of its own.

`python -m demo.sites` serves them in a process of its own; `__main__` says how it is spoken to.
"""
