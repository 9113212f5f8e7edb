"""Dumps as blocks of text: any format, in any container, as a stream, in bounded memory.

    for document in documents(name, path):        # or a stream, such as standard input
        for block in document.blocks():           # UTF-8, about 0.5 MB, ends at the end of a record
            ...
            column = block.shape.where(line, at)  # lazy: only hits pay
        document.ending                           # whole, or what kept the rest from being read

Each line of a block's text is one record: line ends inside a CSV's quotes, JSON over many lines, tuples of an
INSERT, rows of an HTML table or a sheet are brought to it, and `block.line(index)` says which line of the
source that was. The exceptions are `text` and `keyvalue`, which pass as they are: there
`matching.inputs.formats.rows` says what a row is, and a block does not end inside of one.

A line longer than a block is cut where no identifier goes on; if there is no such place, the next block
begins with the last 4 KB again. Half of them are the first block's: what ends in its last `block.held` bytes,
or in the first `block.repeats` of the next one, belongs to the other.

To go on after a kill: keep `document.name` and the `end` of the last block that is done, ask for the same
documents again, leave those out that are done, and ask the one in question for `blocks(after=end)`. Plain
files are counted through at the speed of the disk; formats that need to know what came before are read again,
and not given out.

Documents come one after the other, and each is only there until the next one is asked for. What is wrong with
an archive itself (not with a member) is a last document under its own name, without blocks. Nothing in here
raises but InputRefused, and that only for what was named; nothing is written to a disk but to files without a
name.
"""

from matching.inputs.document import Document
from matching.inputs.formats.blocks import BLOCK, Block, CellRow, LineShape
from matching.inputs.limits import Limits
from matching.inputs.opening import documents
from matching.inputs.outcomes import InputOutcome

__all__ = ["BLOCK", "Block", "CellRow", "Document", "InputOutcome", "Limits", "LineShape", "documents"]
