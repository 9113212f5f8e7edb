"""The steps of one comparison, in their order.

A dump's blocks come from `matching.sweep`, a listing's texts from `matching.service`. Two modules are loops
that go from step to step:

- `listing_text`: cut a listing's text into pieces, match each and count it (a dump comes in blocks already);
- `block`: match one block or piece by itself, in any thread: steps 1 to 6.

The steps:

1. `cells`: take candidates from the cells of a table whose columns are said to hold them;
2. `lookup`: scan for all other candidates, fingerprint them, look them up in the segments: hits;
3. `matching.inputs.formats.rows`: the row and the line of each hit;
4. `hit_columns`: the column of each hit;
5. `matching.mentions`: mentions of watch terms, with masked excerpts;
6. `controls`: the same lookup with altered numbers, where the first look needs it;
7. `block_matches`: all that was found in a block as one value, and several such values joined;
8. `agreements`: rows and customers that agree on one field or more;
9. `chance`: how many hits chance and the control explain;
10. `first_look`: the companies with which the rest of a document is compared in full;
11. `findings`: count everything by company, and keep the first mentions and hits;
12. `results`: the rows that storage keeps; `stored_findings`: findings that somebody goes on with later.

Apart from the two loops, a module uses only modules that stand above it in this list.
"""
