"""The demo: practice sites, receivers, two invented lenders, and the real daemon against them.

The tests and the benchmarks use the same practice sites. Everything here is invented: names, identifiers,
offers; hosts end in .example or .test; each page says that it is a synthetic practice page.
"""
