"""The whole answer about one sample, listing or alert: what it holds, whether it is ours, and why.

In the order in which data passes through:

subject          what is investigated: a file or folder with its digests
stored_subject   the same for a listing or an alert: its texts from the evidence, and its captures
company_answer   what was found of one company; each part is there, or says why not
investigation    the whole answer, and its JSON
investigating    makes it: one sweep for whole values, and a second reading for masked rows
report           renders it for people: HTML and PDF, in English and Chinese
"""
