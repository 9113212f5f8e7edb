"""The pictures of a report, as SVG that is legible at the width of a phone.

Colours come from classes, so that HTML can follow the reader's light or dark theme; `svg.PRINTED` has them
for paper. Each text in a picture is escaped.
"""
