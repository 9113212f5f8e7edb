"""`spillwatch reveal`: turns ordinals into customers, on the company's own premises, without a database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOBase
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cli.command_context import app_of
from cli.commands.enroll import columns_of
from cli.errors import WouldOverwrite
from cli.output import StandardOutput, emit_json, print_error, print_line, print_table
from matching.company_definition import REGIONS
from matching.enrolment.affected import UNKNOWN, AffectedCounts, AlsoLeaked, RegionBasis, write_counts
from matching.enrolment.ordinals import read_wanted
from matching.enrolment.reveal import Lists, Revealed, affected_counter, check_belongs, reveal
from matching.fingerprints.key_file import read_key
from matching.fingerprints.segments import SegmentChain, open_segment
from matching.identifiers import DateOrder

STDOUT = "-"
_REGIONS_SHOWN = 15
_BASES = {
    RegionBasis.COUNTRY: "country",
    RegionBasis.PROVINCE: "province of the resident ID",
    RegionBasis.PHONE_COUNTRY: "country of the telephone number",
    RegionBasis.PHONE_PROVINCE: "province of the telephone number",
    RegionBasis.POSTCODE_AREA: "postcode begins with",
}


def command(
    context: typer.Context,
    ordinals: Annotated[Path, typer.Argument(help="The CSV that `spillwatch match --ordinals` wrote.")],
    customers: Annotated[
        list[Path], typer.Option(help="The enrolled list. Repeat for each list added as a delta, in order.")
    ],
    out: Annotated[str, typer.Option(help="The file to write, mode 0600. - is standard output.")],
    of: Annotated[
        str | None, typer.Option(help="The segment to use if the file has several, by number or system.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Columns of the list to write, by name or number, with commas. Default: all."),
    ] = None,
    segment: Annotated[
        list[Path] | None,
        typer.Option(help="With --key: check that the list belongs to this segment. Repeat for each delta."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="With --segment: the key file.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, as given to `enroll`.")] = None,
    counts: Annotated[
        Path | None,
        typer.Option(help="CSV for the counts by region and kind of data. It names nobody."),
    ] = None,
    also: Annotated[
        list[AlsoLeaked] | None,
        typer.Option(help="What the leak has of each customer beside the fields that agree. Repeat it."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="Column with the customer's country. Default: by its name.")
    ] = None,
    postcode: Annotated[
        str | None, typer.Option(help="Column with the postcode. Default: by its name.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            help="Country of telephone numbers without +. Default: that of --segment, otherwise CN."
        ),
    ] = None,
    dates: Annotated[DateOrder | None, typer.Option(help="With --segment: as given to `enroll`.")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Character between columns. Default: detected.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The list's encoding. Default: detected.")] = None,
    header: Annotated[bool, typer.Option(help="Whether the first row names the columns.")] = True,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Allow customers' data on a terminal.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the counts as JSON.")] = False,
) -> None:
    """Turn ordinals back into the rows of your customer list.

    Counts them by region and by kind of data. Writes customers' data to a file that only you can read, and to
    a terminal only with --terminal.
    """
    if bool(segment) != bool(key):
        raise typer.BadParameter("--segment and --key must be given together")
    if out == STDOUT and sys.stdout.isatty() and not terminal:
        raise typer.BadParameter(
            "this would show customers' data on the terminal; name a file, or add --terminal",
            param_hint="--out",
        )
    app_of(context).choose_native()
    lists = Lists(customers, delimiter, encoding, header)
    compared = None
    if region is not None and region not in REGIONS:
        raise typer.BadParameter(
            f"{region!r} is not a country code; give one such as CN or GB", param_hint="--region"
        )
    if segment and key:
        chain = SegmentChain.of([open_segment(one) for one in segment])
        region = region or chain.header.default_region
        compared = check_belongs(lists, chain, read_key(key), columns=columns_of(column or ()), dates=dates)
    wanted = read_wanted(ordinals, of=of)
    counter = affected_counter(
        lists,
        region=region or "CN",
        named=columns_of(column or ()),
        country=country,
        postcode=postcode,
        also=also or (),
    )
    with ExitStack() as stack:
        table = stack.enter_context(_open_output(str(counts))) if counts else None
        stream = stack.enter_context(_open_output(out))
        revealed = reveal(
            wanted, lists, stream, columns=columns.split(",") if columns else None, counter=counter
        )
        if table is not None:
            write_counts(table, revealed.affected)
    _print_counts(revealed, out, counts, compared, as_json=as_json)


@contextmanager
def _open_output(out: str) -> Iterator[TextIO | TextIOBase]:
    """Open a new file of mode 0600; it is removed if an error ends the block."""
    if out == STDOUT:
        yield StandardOutput()
        return
    path = Path(out)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise WouldOverwrite(f"{path} already exists. Choose another file name.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _print_counts(
    revealed: Revealed, out: str, counts: Path | None, compared: int | None, *, as_json: bool
) -> None:
    """Print how many customers were found; to standard error if the customers go to standard output."""
    fields = dict(revealed.fields.most_common())
    if as_json and out != STDOUT:
        emit_json(
            {
                "customers": revealed.customers,
                "fields": fields,
                "affected": revealed.affected.as_dict(),
                "rows_compared": compared,
                "file": out,
                "counts": counts,
            }
        )
        return
    checked = "" if compared is None else f" The list belongs to the segment: {compared} rows were compared."
    sentence = f"{revealed.customers} customers.{checked}"
    if out == STDOUT:
        print_error(sentence)
        return
    if fields:
        print_table(("field", "customers"), list(fields.items()))
    _print_affected(revealed.affected)
    print_line(f"{sentence} Wrote them to {out} (mode 0600).")
    if counts is not None:
        print_line(f"Wrote the counts to {counts}. They name nobody.")


def _print_affected(affected: AffectedCounts) -> None:
    kinds = [(kind.value.replace("_", " "), count) for kind, count in affected.kinds.most_common()]
    if kinds:
        print_table(("kind of data", "customers"), kinds)
    for basis, regions in affected.regions.items():
        shown = regions.most_common(_REGIONS_SHOWN)
        rows = shown + (
            [("others", regions.total() - sum(count for _, count in shown))] * (len(regions) > len(shown))
        )
        if rows and (basis is RegionBasis.COUNTRY or len(regions) > 1 or UNKNOWN not in regions):
            print_table((_BASES[basis], "customers"), rows)
    if affected.without_fields:
        print_line(
            f"The file of ordinals does not say what leaked of {affected.without_fields} customers; only "
            f"--also counts for them."
        )
