"""Canaries: customers who do not exist, planted in a company's systems so that a copy of them shows itself.

In the order of use, all of it on the company's own premises:

ranges         per country, where numbers come from that are issued to nobody, and the source that says so
people         names, addresses and birth dates that look like those of customers
inventing      one set of canaries: values of the ranges, checked by our own rules
register       the file that says which canary is in which system, since when and until when
odds           how probable it is that a theft of some rows includes a canary
planting       the rows to write into a system, in its own columns
enrolled_list  the list from which their segment is made
"""
