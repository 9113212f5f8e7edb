"""Masked samples: rows such as `张*三 138****1234`, which sellers show, and what of them is enrolled.

In the order in which data passes through:

sample_rows   what is visible of a person in a row of a sample
"""
