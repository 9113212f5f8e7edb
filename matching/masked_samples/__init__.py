"""Masked samples: rows such as `张*三 138****1234`, which sellers show, and what of them is enrolled.

In the order in which data passes through:

sample_rows   what is visible of a person in a row of a sample
mask_look     a quick look: may a text have masked values?
mask_signs    the signs for hidden characters, brought to one
numbers       masked telephone numbers, IDs, cards and IBANs; `emails`, `names` (with `han_names`),
              `birth_dates` likewise
labels        what a label or the name of a column says of a value
line_values   the values of a line or a cell
row_tables    what the other rows of a table say of a value
record_lines  records over several lines
people        which people a line shows, and which rows are kept
text_rows     the rows of a text
reading       from a text or a dump's block to its rows
shown         what a template shows of one value, whole or masked
templates     the mask templates: a closed, versioned list
tags          tags and histograms of a customer list, made at enrolment
endings       histograms of endings, and the share of each ending
masked_base   the enrolled base: how many customers show the same, and how usual that is
"""
