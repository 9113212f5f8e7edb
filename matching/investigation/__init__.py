"""The whole answer about one sample, listing or alert: what it holds, whether it is ours, and why.

In the order in which data passes through:

subject          what is investigated: a file or folder with its digests
stored_subject   the same for a listing or an alert: its texts from the evidence, and its captures
watched_lists    the lists of the watch by what they are: customers, known breaches, canaries
investigating    makes the answer: one sweep for whole values, and a second reading for the rows
full_matches     whole values and names that the sweep found
ours_part        what the rows say: the share that is ours, the verdict, three rows with their evidence
attributing      when the copy was made, whether it was known, which list it fits
seen_canaries    customers who do not exist, and which system they were given to
parts            why a part of the answer is missing
company_answer   all of it for one company
investigation    all companies, and the JSON
report           renders it for people: HTML and PDF, in English and Chinese
"""
