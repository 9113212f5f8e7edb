"""`spillwatch listings`: searches the masked text of stored listings, and shows one of them whole."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import listing_report
from cli.command_context import App, Wide, app_of
from cli.errors import UnknownName
from cli.output import TableColumn, emit_csv, emit_json, print_table
from cli.time_argument import parse_moment
from storage import companies, listings, sources
from web.api.models import ListingShape


class SearchByDefault(TyperGroup):
    """`spillwatch listings WORDS` searches: a first word that names no other command is one to search for."""

    default_command = "search"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (typer's type is private)
        """Put the default command in front unless a command or --help is there."""
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if args and args[0] in known else [self.default_command, *args])


app = typer.Typer(
    cls=SearchByDefault,
    add_completion=False,
    help="Search listings, newest first, or show one whole. `spillwatch listings WORDS` searches.",
)

_TABLE_COLUMNS = (
    "id",
    "source",
    TableColumn("life", extra=True),
    "first seen",
    "price",
    TableColumn("records", extra=True),
    TableColumn("seller", extra=True),
    TableColumn("title", prose=True),
)


def _parse_amount(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number; give one such as 500 or 0.05") from None


@app.command()
def search(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(help="Words that a listing must contain.")] = None,
    source: Annotated[str | None, typer.Option(help="Only listings of this source.")] = None,
    company: Annotated[
        str | None, typer.Option(help="Only listings that matched this company (its slug).")
    ] = None,
    life: Annotated[
        listings.Life | None, typer.Option(help="Only listings whose last change was this.")
    ] = None,
    gone: Annotated[
        bool | None, typer.Option("--gone/--there", help="Only listings that are gone, or still there.")
    ] = None,
    seller: Annotated[str | None, typer.Option(help="Only listings of this seller.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only listings first seen since: 12h, 7d, 2026-05-01.")
    ] = None,
    min_price: Annotated[str | None, typer.Option(help="Lowest price. Needs --currency.")] = None,
    currency: Annotated[
        str | None, typer.Option(help="Only listings priced in this currency (USD, CNY, BTC).")
    ] = None,
    min_records: Annotated[int | None, typer.Option(min=0, help="Lowest number of claimed records.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Maximum number of listings, newest first.")
    ] = 50,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV whose cells a spreadsheet cannot run as formulas.")
    ] = False,
) -> None:
    """Search listings, newest first. `search` may be left out."""
    if as_json and as_csv:
        raise typer.BadParameter("found both --json and --csv; give one of them")
    if min_price is not None and currency is None:
        raise typer.BadParameter(
            "--min-price needs --currency: amounts in different currencies cannot be compared"
        )
    app_ = app_of(context)
    filters = listings.ListingFilters(
        source=source,
        company=company,
        life=life,
        gone=gone,
        seller=seller,
        since=None if since is None else parse_moment(since, now=app_.clock()),
        min_price=_parse_amount(min_price),
        currency=currency and currency.upper(),
        min_records=min_records,
    )
    found = [listing_report.listing_as_dict(listing) for listing in _search(app_, query, filters, limit)]
    if as_json:
        emit_json(found)
    elif as_csv:
        emit_csv(list(ListingShape.model_fields), [list(listing.values()) for listing in found])
    else:
        rows = [_listing_row(listing) for listing in found]
        print_table(_TABLE_COLUMNS, rows, empty="No listing found.", wide=wide)


@app.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="LISTING", help="Number of the listing.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show one listing whole: its masked text, history, matches, alerts and evidence."""
    with app_of(context).database.reading() as session:
        report = listing_report.read_report(session, number)
    if report is None:
        raise UnknownName(f"There is no listing {number}. `spillwatch listings` shows the numbers.")
    if as_json:
        emit_json(listing_report.report_as_dict(report))
    else:
        listing_report.print_report(report)


def _search(
    app: App, query: str | None, filters: listings.ListingFilters, limit: int
) -> list[listings.Listing]:
    with app.database.reading() as session:
        if filters.source and sources.source_by_name(session, filters.source) is None:
            raise UnknownName(
                f'There is no source "{filters.source}". `spillwatch source list` shows the names.'
            )
        if filters.company and companies.company_by_slug(session, filters.company) is None:
            raise UnknownName(
                f'There is no company "{filters.company}". A slug is the name of a file in companies/.'
            )
        return list(listings.search_listings(session, query, filters=filters, limit=limit))


def _listing_row(listing: dict[str, object]) -> tuple[object, ...]:
    amount = listing["price_amount"]
    price = f"{amount:,f} {listing['price_currency']}" if isinstance(amount, Decimal) else None
    records = listing["claimed_records"]
    claimed = f"{records:,}" if isinstance(records, int) else None
    start = (listing["id"], listing["source"], listing["life"], listing["first_seen_at"])
    return (*start, price, claimed, listing["seller"], listing["title"])
