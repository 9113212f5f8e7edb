"""An investigation for people: one file of HTML, or a PDF/A, in English or Chinese.

In the order in which data passes through:

wording      one table of texts per language (texts/), and numbers as each language writes them
document     what a report is made of: headings, sentences, tables, pictures. All of it is plain text
pictures     the pictures as SVG; each is given a table with the same figures
sections     which parts a report has, in their order, and what they say about a company
html_page    the document as one HTML file that requests nothing
pdf_file     the document as PDF/A, typeset by typst
report_files the files of a report, for the company's eyes only

Texts of samples and listings are never markup: HTML escapes them, and typst receives them as data.
"""
