"""The demo: practice sites, receivers and two invented lenders, with the real daemon.

The tests and benchmarks use the same practice sites. All names, identifiers and offers are invented. Hosts
end in .example or .test, and each page says that it is a synthetic practice page.
"""
