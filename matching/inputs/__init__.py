"""Dumps as blocks of text: any format, in any container, as a stream, in bounded memory.

    for document in documents(name, path):        # or a stream, such as standard input
        for block in document.blocks():           # UTF-8, about 0.5 MB, ends at the end of a record
            ...
            column = block.shape.where(line, at)  # computed on demand: only hits pay for it
        document.ending                           # `whole`, or why the rest could not be read

The modules in the order in which a dump's bytes go through them; each one needs only those before it:

1. `limits`: how much one input may use of the machine. Every step below counts against it.
2. `streams`: files and streams, and the window through which bytes can be looked at before they are taken.
3. `opening`: from a path or a stream to documents. Walks folders and opens containers, at any depth.
4. `containers/magic`: which kind of container it is, if any. `compressed`, `tars`, `zips`, `mail` and
   `sevenz` (with `sevenz_directory`) yield `containers/member`s; each one goes back to step 3, whose loop
   drives all this. So does `libarchive_members` (with `libarchive_child`). `sqlite_file` yields tables.
   `member_names` makes their names fit to be shown.
   What is no container may be another file that is no text: `signatures` names it, and it is not read.
5. `document`: a text, with its charset, its format, and how reading it ended.
6. `formats/decoding`: the charset, and the bytes as pieces of UTF-8 that end at line ends.
7. `formats/recognition`: the format, from a sample; `formats/record_ends` where the text has no line ends.
8. A format's reader, which makes blocks of the pieces:
   `formats/plain_lines` (text, combo lists, `key: value`; with `rows`), `formats/delimited` (CSV, TSV),
   `formats/json_records` (with `json_levels`, `json_splits`), `formats/sql` (with `sql_lines`, `sql_rows`,
   `sql_tables`), `formats/html`. `formats/xlsx` reads a workbook from its zip and `formats/mail` the text
   of messages, `formats/office` documents of other
   office programs, `formats/tables` takes rows that are found already; all without steps 6 and 7.
9. `formats/blocks`: the blocks, and the shape of their lines; `formats/columns` says what a column holds.
10. `outcomes`: how reading ended.

Each line of a block's text is one record: line ends inside a CSV's quotes, JSON over many lines, tuples of an
INSERT, rows of an HTML table or a sheet are brought to that form, and `block.line(index)` returns the line of
the source on which the record begins. The exceptions are `text`, `keyvalue` and `mail`, whose lines stay as
they are: there `formats/rows` says what a row is, and a block does not end inside of one.

A line longer than a block is cut where no identifier continues. Without such a place, the next block
begins with the last 4 KB again. The border is in their middle: a match belongs to the first block unless it
ends in that block's last `held` bytes, and to the second unless it ends in its first `repeats` bytes.

To continue after a kill: keep `document.name` and the `end` of the last block that is done, ask for the same
documents again, skip those that are done, and ask the interrupted one for `blocks(after=end)`. Plain files
are skipped at the speed of the disk. Formats whose blocks depend on those before are read again from the
beginning, but only the remaining blocks are yielded.

Documents come one after the other, and each can be read only until the next one is asked for. What is wrong
with an archive itself (not with a member) is a last document under the archive's own name, without blocks.
Nothing in here raises but InputRefused, and that only for the path that was named. Nothing is written to disk
except in files without a name.
"""

from matching.inputs.document import Document
from matching.inputs.formats.blocks import BLOCK, Block, CellRow, LineShape
from matching.inputs.limits import Limits
from matching.inputs.opening import FoundFile, Selection, documents, files_of, mode_of
from matching.inputs.outcomes import InputOutcome

__all__ = [
    "BLOCK",
    "Block",
    "CellRow",
    "Document",
    "FoundFile",
    "InputOutcome",
    "Limits",
    "LineShape",
    "Selection",
    "documents",
    "files_of",
    "mode_of",
]
