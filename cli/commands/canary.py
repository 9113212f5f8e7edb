"""`spillwatch canary`: customers who do not exist, planted so that a copy shows itself."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.command_context import App, app_of
from cli.errors import WouldOverwrite
from cli.output import TableColumn, emit_json, print_line, print_table
from matching.canaries.enrolled_list import BORN, NAME, SINCE, canary_sets, write_canary_list
from matching.canaries.inventing import SET_LIMIT, CanaryInventor
from matching.canaries.odds import canaries_needed, odds_of_one, rows_for
from matching.canaries.planting import (
    PlantingForm,
    columns_of_system,
    own_columns,
    planted_rows,
)
from matching.canaries.ranges import REGIONS
from matching.canaries.register import (
    CanaryRegister,
    PlantedSet,
    read_register,
    write_register,
)
from matching.enrolment.customer_list import open_customer_list
from matching.enrolment.enrol import enroll as enroll_list
from matching.errors import CanarySetUnknown, CanaryValueRefused
from matching.fingerprints.key_file import read_key
from matching.fingerprints.segments import SUFFIX, HeaderParts, SegmentPurpose

app = typer.Typer(
    help="Make, plant, enrol and rotate canaries: customers who do not exist.",
    no_args_is_help=True,
    add_completion=False,
)

_LIKELY = 0.95  # the probability for which `odds` says what is needed
_SLUG = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_PHONES_LIMIT = 1 << 20  # bytes

Register = Annotated[Path, typer.Option(help="The canary register, mode 0600. It never leaves the premises.")]
System = Annotated[str, typer.Option(help="The system that holds the canaries, such as crm.")]
OfSystem = Annotated[str | None, typer.Option(help="Only the canaries of this system.")]
Partner = Annotated[
    str | None, typer.Option(help="The partner that gets them from the system. Default: nobody.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object.")]
REGISTER = Path("canaries.json")


@app.command()
def new(
    context: typer.Context,
    system: System,
    count: Annotated[int, typer.Option(min=1, max=SET_LIMIT, help="Number of canaries.")] = 5,
    partner: Partner = None,
    region: Annotated[
        str, typer.Option(help=f"Country of the invented customers: {', '.join(REGIONS)}.")
    ] = "CN",
    register: Register = REGISTER,
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day from which they are no longer in the system."),
    ] = None,
    mail_domain: Annotated[
        str | None,
        typer.Option(help="A domain of yours that does not show it is yours. Default: no e-mail address."),
    ] = None,
    phones: Annotated[
        Path | None, typer.Option(help="Telephone numbers that you rent for this, one per line.")
    ] = None,
    card_prefix: Annotated[
        str | None, typer.Option(help="6 to 15 digits of your own card range that you keep free.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Invent canaries for a system, and add them to the register. Shows no value of them.

    Writes the register, which it makes with mode 0600 if there is none.
    """
    _check_names(system, partner)
    if region not in REGIONS:
        raise typer.BadParameter(
            f"customers of {region!r} cannot be invented; the countries are {', '.join(REGIONS)}",
            param_hint="--region",
        )
    known = read_register(register) if register.exists() else CanaryRegister()
    given = _Given(mail_domain, _phone_lines(phones), card_prefix, _end_of(expires, _today(app_of(context))))
    planted = given.new_set(known, system, partner, region=region, count=count, today=_today(app_of(context)))
    write_register(known.with_set(planted), register)
    _tell_new(planted, register, rented=phones is not None, as_json=as_json)


@app.command("list")
def list_sets(context: typer.Context, register: Register = REGISTER, as_json: AsJson = False) -> None:
    """List the sets of the register: system, partner, days, number of canaries. Shows no value of them."""
    known, today = read_register(register), _today(app_of(context))
    sets = [{**_set_as_dict(planted), "planted": planted.is_planted(today)} for planted in known.sets]
    if as_json:
        emit_json({"register": register, "sets": sets})
        return
    print_table(
        ("system", "partner", "region", "issued", "expires", "canaries", "planted"),
        [
            (
                one["system"],
                one["partner"],
                one["region"],
                one["issued"],
                one["expires"],
                one["canaries"],
                one["planted"],
            )
            for one in sets
        ],
        empty="The register has no canaries.",
    )


@app.command()
def odds(
    context: typer.Context,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows that a thief takes.")],
    of: Annotated[int, typer.Option(min=1, help="Number of rows of the system, canaries included.")],
    system: OfSystem = None,
    partner: Partner = None,
    register: Register = REGISTER,
    as_json: AsJson = False,
) -> None:
    """State how probable it is that a theft of some rows shows at least one canary."""
    if rows > of:
        raise typer.BadParameter(f"a thief cannot take {rows:,} rows of {of:,}", param_hint="--rows")
    known, today = read_register(register), _today(app_of(context))
    planted = [one for one in _sets_of(known, system, partner) if one.is_planted(today)]
    counts: dict[tuple[str, str | None], int] = {}
    for one in planted:
        key = (one.system, one.partner)
        counts[key] = counts.get(key, 0) + len(one.canaries)
    answers = [
        {
            "system": key[0],
            "partner": key[1],
            "canaries": count,
            "odds": round(odds_of_one(count, rows, of), 6),
            "rows_for_likely": rows_for(min(count, of), of, _LIKELY),
        }
        for key, count in counts.items()
    ]
    needed = canaries_needed(rows, of, _LIKELY)
    if as_json:
        emit_json({"rows": rows, "of": of, "likely": _LIKELY, "needed_for_likely": needed, "sets": answers})
        return
    print_table(
        ("system", "partner", "canaries", "odds", f"rows for {_LIKELY:.0%}"),
        [
            (
                one["system"],
                one["partner"],
                one["canaries"],
                f"{one['odds']:.1%}",
                f"{one['rows_for_likely']:,}",
            )
            for one in answers
        ],
        empty="No canaries are planted today.",
    )
    print_line(
        f"{needed:,} canaries show a theft of {rows:,} of {of:,} rows with {_LIKELY:.0%} probability, if the "
        "thief takes rows at random."
    )


@app.command()
def rotate(
    context: typer.Context,
    system: System,
    partner: Partner = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=SET_LIMIT, help="Number of new canaries. Default: as many.")
    ] = None,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As for `canary new`.")
    ] = None,
    mail_domain: Annotated[
        str | None, typer.Option(help="As for `canary new`. Default: the domain of the old ones.")
    ] = None,
    phones: Annotated[Path | None, typer.Option(help="As for `canary new`.")] = None,
    card_prefix: Annotated[str | None, typer.Option(help="As for `canary new`.")] = None,
    register: Register = REGISTER,
    as_json: AsJson = False,
) -> None:
    """Let the canaries of a system expire today, and invent new ones in their place.

    The old ones stay in the register and enrolled: where one of them appears, the copy was made before today.
    """
    known, today = read_register(register), _today(app_of(context))
    planted = [one for one in _sets_of(known, system, partner) if one.is_planted(today)]
    if not planted:
        raise CanarySetUnknown(
            "none of these canaries is planted today; make some with `spillwatch canary new`"
        )
    before = planted[-1].canaries[-1].email
    given = _Given(
        mail_domain or (before.partition("@")[2] if before else None),
        _phone_lines(phones),
        card_prefix,
        _end_of(expires, today),
    )
    fresh = given.new_set(
        known,
        system,
        partner,
        region=planted[-1].region,
        count=count or sum(len(one.canaries) for one in planted),
        today=today,
    )
    write_register(known.expired(planted, today).with_set(fresh), register)
    _tell_new(fresh, register, rented=phones is not None, as_json=as_json)


@app.command()
def expire(
    context: typer.Context,
    system: System,
    partner: Partner = None,
    register: Register = REGISTER,
    as_json: AsJson = False,
) -> None:
    """Note that a system's canaries are taken out of it today. They stay in the register and enrolled."""
    known, today = read_register(register), _today(app_of(context))
    planted = [one for one in _sets_of(known, system, partner) if one.is_planted(today)]
    write_register(known.expired(planted, today), register)
    canaries = sum(len(one.canaries) for one in planted)
    if as_json:
        emit_json({"system": system, "partner": partner, "expires": today.isoformat(), "canaries": canaries})
    else:
        print_line(f"{canaries} canaries expire today. Take them out of the system; they stay enrolled.")


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The CSV file to write, mode 0600; it must not exist.")],
    system: OfSystem = None,
    partner: Partner = None,
    like: Annotated[
        Path | None,
        typer.Option(help="A CSV file of the system with a header: its columns are written, in its order."),
    ] = None,
    national_phones: Annotated[
        bool, typer.Option("--national-phones", help="Write 02079460123 instead of +442079460123.")
    ] = False,
    dates: Annotated[str, typer.Option(help="How dates are written, for strftime.")] = "%Y-%m-%d",
    register: Register = REGISTER,
    as_json: AsJson = False,
) -> None:
    """Write the canaries that are planted today as rows for the system, to import them there."""
    known, today = read_register(register), _today(app_of(context))
    planted = [one for one in _sets_of(known, system, partner) if one.is_planted(today)]
    if not planted:
        raise CanarySetUnknown(
            "none of these canaries is planted today; make some with `spillwatch canary new`"
        )
    columns = own_columns(planted) if like is None else columns_of_system(_header_of(like))
    rows = list(planted_rows(planted, columns, PlantingForm(national_phones, dates)))
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise WouldOverwrite(f"{out} already exists. Choose another file name.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns.names)
        writer.writerows(rows)
    if as_json:
        emit_json(
            {"file": out, "canaries": len(rows), "columns": list(columns.names), "empty": columns.empty}
        )
        return
    print_line(f"Wrote {len(rows)} canaries to {out} (mode 0600). Delete it when they are in the system.")
    if columns.empty:
        print_line(f"Fill in, so that they look like other customers: {', '.join(columns.empty)}.")


@app.command()
def enroll(
    context: typer.Context,
    key: Annotated[Path, typer.Option(help="The key file that `spillwatch keygen` wrote.")],
    company: Annotated[
        str | None, typer.Option(help="The company's slug. Default: the key file's name without its suffix.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The segment file to write. Default: COMPANY-canaries.segment.")
    ] = None,
    system: OfSystem = None,
    partner: Partner = None,
    masks: Annotated[
        bool, typer.Option("--masks/--no-masks", help="Whether masked rows can be compared.")
    ] = True,
    register: Register = REGISTER,
    as_json: AsJson = False,
) -> None:
    """Make the segment of the canaries, expired ones included. It is all that the monitor gets of them.

    It names each set and its days, and has fingerprints and tags like a segment of customers.
    """
    slug = company or key.stem
    known = read_register(register)
    sets = _sets_of(known, system, partner)
    segment = out or Path(f"{slug}-canaries{SUFFIX}")
    # Beside the register, with mode 0700: what is deleted stays on that disk for a while.
    with TemporaryDirectory(prefix=".canaries-", dir=register.absolute().parent) as folder:
        path = Path(folder) / "canaries.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_canary_list(known, sets, stream)
        result = enroll_list(
            path,
            segment,
            company=slug,
            key=read_key(key),
            default_region=sets[-1].region,
            now=app_of(context).clock(),
            name=NAME,
            born=BORN,
            since=SINCE,
            masks=masks,
            parts=HeaderParts(purpose=SegmentPurpose.CANARIES, canary_sets=canary_sets(known, sets)),
        )
    count = sum(len(one.canaries) for one in sets)
    if as_json:
        emit_json(
            {
                "company": slug,
                "segment": segment,
                "canaries": count,
                "sets": [one.label for one in sets],
                "accepted": dict(result.accepted),
                "masked_by": len(result.tags),
            }
        )
        return
    print_table(("field", "accepted"), list(result.accepted.items()))
    print_line(
        f"Wrote {count} canaries of {len(sets)} sets to {segment}. Give the monitor the segment only, never "
        "the register; import it with `spillwatch segment import`."
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """What the company gives for new canaries."""

    mail_domain: str | None
    phones: Sequence[str]
    card_prefix: str | None
    expires: date | None

    def new_set(
        self,
        known: CanaryRegister,
        system: str,
        partner: str | None,
        *,
        region: str,
        count: int,
        today: date,
    ) -> PlantedSet:
        inventor = CanaryInventor(
            region,
            taken=known.canaries,
            mail_domain=self.mail_domain,
            phones=self.phones,
            card_prefix=self.card_prefix,
        )
        return PlantedSet(
            system=system,
            partner=partner,
            region=region,
            issued=today,
            expires=self.expires,
            canaries=tuple(inventor.invented(count, today=today)),
        )


def _end_of(expires: datetime | None, today: date) -> date | None:
    if expires is None:
        return None
    if expires.date() <= today:
        raise typer.BadParameter("this day is not in the future", param_hint="--expires")
    return expires.date()


def _sets_of(known: CanaryRegister, system: str | None, partner: str | None) -> list[PlantedSet]:
    """Return the sets of a system or partner; raise CanarySetUnknown if there is none."""
    if partner is not None and system is None:
        raise typer.BadParameter("name the system, too", param_hint="--partner")
    found = known.sets_of(system, partner)
    if not found:
        names = ", ".join(dict.fromkeys(one.label for one in known.sets)) or "none"
        raise CanarySetUnknown(f"the register has no such canaries; it has those of: {names}")
    return found


def _check_names(system: str, partner: str | None) -> None:
    for hint, name in (("--system", system), ("--partner", partner)):
        if name is not None and (len(name) > 30 or not _SLUG.fullmatch(name)):
            raise typer.BadParameter(
                f"{name!r} is not a name of at most 30 characters of a-z, 0-9, and single - and _",
                param_hint=hint,
            )


def _today(app: App) -> date:
    return app.clock().astimezone().date()


def _phone_lines(path: Path | None) -> Sequence[str]:
    if path is None:
        return ()
    if path.stat().st_size > _PHONES_LIMIT:
        raise CanaryValueRefused(f"{path} has more than {_PHONES_LIMIT >> 20} MB; give one number per line")
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def _header_of(like: Path) -> list[str]:
    with open_customer_list(like) as opened:
        return next(opened.rows, [])


def _set_as_dict(planted: PlantedSet) -> dict[str, object]:
    return {
        "system": planted.system,
        "partner": planted.partner,
        "region": planted.region,
        "issued": planted.issued.isoformat(),
        "expires": planted.expires.isoformat() if planted.expires else None,
        "canaries": len(planted.canaries),
    }


def _tell_new(planted: PlantedSet, register: Path, *, rented: bool, as_json: bool) -> None:
    """Say which fields the canaries have, from which range and source, and which were left out and why."""
    region = REGIONS[planted.region]
    having = {
        field: sum(getattr(canary, field) is not None for canary in planted.canaries)
        for field in ("phone", "resident_id", "email", "card")
    }
    ranges = [
        ("phone", "numbers that you rent", "--phones", "") if rented and one.field == "phone" else one
        for one in region.ranges
        if having[one.field]
    ]
    if having["card"]:
        ranges.append(("card", "your own card range", "--card-prefix", ""))
    left_out = {
        field: why
        for field, why in region.left_out.items()
        if not having.get("phone" if field == "mobile" and rented else field)
    }
    if not having["email"]:
        left_out["email"] = "No --mail-domain was named." + (
            ""
            if having["resident_id"] or having["card"]
            else " Without it only two fields of one row show these canaries: a telephone number alone may "
            "be somebody else's."
        )
    if as_json:
        emit_json(
            {
                "register": register,
                **_set_as_dict(planted),
                "fields": {field: count for field, count in having.items() if count},
                "ranges": [
                    dict(zip(("field", "range", "source", "noticed"), one, strict=True)) for one in ranges
                ],
                "left_out": left_out,
            }
        )
        return
    print_table(
        ("field", TableColumn("range", prose=True), TableColumn("source", prose=True)),
        [one[:3] for one in ranges],
    )
    for field, why in left_out.items():
        print_line(f"Without {field}: {why}")
    print_line(
        f"Added {len(planted.canaries)} canaries of {planted.label} to {register} (mode 0600). Next: plant "
        "them with `spillwatch canary export`, and enrol them with `spillwatch canary enroll`."
    )
