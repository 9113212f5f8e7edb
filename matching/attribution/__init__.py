"""Attribution: whose copy is it, of when, and was it known before? Arrays and figures in, answers out.

Every answer has a verdict of its own, the figures of its sentence, and its assumption. In the order in which
an investigation reads them:

overlap       which columns and combinations of fields agree with customers, beside what chance gives
cohorts       when the matched customers enrolled, beside all customers: it dates the copy
recycled      how many matches were in an earlier breach that is known
holders       which company, system, partner or earlier breach the rows are consistent with
leak_tables   the tables of a leak whose columns are compared
schema_fit    whether columns, order and styles are those of the company's own export
attribution   all of it for one company
enrolled_lists, masked_rows   what it needs of the watched segments, and of masked rows
tails         bounds of error that the others use
"""
