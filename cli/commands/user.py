"""`spillwatch user`: the people of the console. It works on the database, so the console need not run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.orm import Session

from cli.command_context import App, Wide, app_of
from cli.errors import UnknownName, WouldOverwrite
from cli.output import TableColumn, emit_json, print_line, print_table
from cli.person import account_name
from storage import companies, second_factors, sign_in_limits, users
from storage.invitations import LASTS, end_invitations
from storage.users import Role, User
from web.access.invitations import link_for, make_invitation
from web.audit import AuditAction, audit

app = typer.Typer(
    add_completion=False,
    help="Invite people to the console, list and disable them, and end their sessions.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name that the person signs in by.")]
ALL_COMPANIES = "all companies"
_COLUMNS = (
    "name",
    "state",
    TableColumn("roles", prose=True),
    "second factor",
    "sessions",
    "last seen",
    TableColumn("created", extra=True),
)
T = TypeVar("T")


@app.command()
def invite(
    context: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.ADMIN,
    company: Annotated[
        list[str] | None,
        typer.Option(help="Slug of a company for which; again for another one. Default: all companies."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Invite a person, by a link that sets a password once, within 24 hours."""
    app_, folded = app_of(context), users.folded_name(name)
    if folded is None:
        raise typer.BadParameter(f"{name!r} is no name: use letters, digits and . _ @ + -, at most 64")
    with app_.database.transaction() as session:
        roles = dict.fromkeys(_company_ids(session, company), role)
        link = make_invitation(session, app_.sections.web, folded, roles, by=_actor(), now=app_.clock())
    if link is None:
        raise WouldOverwrite(
            f"there is a person named {folded} already; `spillwatch user reset {folded}` makes a new link"
        )
    _show_link(folded, link, as_json=as_json)


@app.command("list")
def list_people(context: typer.Context, wide: Wide = False, as_json: Json = False) -> None:
    """List the people, with their roles and whether they have a second factor."""
    app_ = app_of(context)
    with app_.database.reading() as session:
        slugs = companies.slugs_by_id(session)
        found = [_as_dict(session, app_, user, slugs) for user in users.all_users(session)]
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            one["name"],
            one["state"],
            ", ".join(f"{each['role']} of {each['company'] or ALL_COMPANIES}" for each in one["roles"]),
            "yes" if one["second_factor"] else "no",
            one["sessions"],
            one["last_seen_at"],
            one["created_at"],
        )
        for one in found
    ]
    print_table(_COLUMNS, rows, empty="Nobody is invited yet: `spillwatch user invite NAME`.", wide=wide)


@app.command()
def disable(
    context: typer.Context,
    name: Name,
    enable: Annotated[bool, typer.Option("--enable", help="Let the person sign in again.")] = False,
    as_json: Json = False,
) -> None:
    """Keep a person from signing in, and end the sessions and the links of this person."""

    def work(session: Session, app_: App, user: User) -> dict[str, Any]:
        changed, user.active = user.active is not enable, enable
        ended = 0
        if not enable:
            ended = users.end_sessions(session, user.id, now=app_.clock())
            end_invitations(session, user.id, now=app_.clock())
        if changed:
            _note(session, app_, AuditAction.PERSON_CHANGED, user, active=enable)
        return {"name": user.name, "active": enable, "changed": changed, "sessions_ended": ended}

    done = _change(context, name, work)
    if as_json:
        emit_json(done)
        return
    state = "can sign in" if enable else "cannot sign in"
    print_line(f"{done['name']} {state}{'' if done['changed'] else ', as before'}.")


@app.command("end-sessions")
def end_sessions(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """End every session of a person, who then signs in again."""

    def work(session: Session, app_: App, user: User) -> dict[str, Any]:
        ended = users.end_sessions(session, user.id, now=app_.clock())
        _note(session, app_, AuditAction.SESSION_ENDED, user, sessions=ended)
        return {"name": user.name, "sessions_ended": ended}

    done = _change(context, name, work)
    if as_json:
        emit_json(done)
    else:
        print_line(f"Ended {done['sessions_ended']} sessions of {done['name']}.")


@app.command()
def reset(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Remove a person's password, second factors, sessions and limits, and make a new link."""

    def work(session: Session, app_: App, user: User) -> dict[str, Any]:
        now = app_.clock()
        user.password_hash = None
        second_factors.remove_second_factors(session, user.id)
        users.end_sessions(session, user.id, now=now)
        sign_in_limits.lift_limits_of(session, user.id)
        _note(session, app_, AuditAction.SECOND_FACTOR_CHANGED, user, factor="all", change="removed")
        link = link_for(session, app_.sections.web, user, by=_actor(), now=now, reason="reset")
        return {"name": user.name, "link": link}

    done = _change(context, name, work)
    _show_link(str(done["name"]), str(done["link"]), as_json=as_json)


def _change(context: typer.Context, name: str, work: Callable[[Session, App, User], T]) -> T:
    app_ = app_of(context)
    with app_.database.transaction() as session:
        found = users.user_by_name(session, users.folded_name(name) or "")
        user = None if found is None else users.lock_user(session, found.id)
        if user is None:
            raise UnknownName(f"there is nobody named {name}; `spillwatch user list` shows the names")
        return work(session, app_, user)


def _company_ids(session: Session, slugs: list[str] | None) -> list[int | None]:
    if not slugs:
        return [None]
    found = {slug: company_id for company_id, slug in companies.slugs_by_id(session).items()}
    for slug in slugs:
        if slug not in found:
            known = ", ".join(sorted(found)) or "none"
            raise UnknownName(f"there is no company {slug!r}; known: {known}")
    return [found[slug] for slug in slugs]


def _as_dict(session: Session, app_: App, user: User, slugs: dict[int, str]) -> dict[str, Any]:
    roles = [
        {"company": None if grant.company_id is None else slugs[grant.company_id], "role": grant.role.value}
        for grant in users.grants_of(session, user.id)
    ]
    state = "disabled" if not user.active else "invited" if user.password_hash is None else "active"
    return {
        "name": user.name,
        "state": state,
        "roles": roles,
        "second_factor": second_factors.has_second_factor(session, user.id),
        "sessions": len(users.open_sessions(session, user.id, now=app_.clock())),
        "last_seen_at": user.last_seen_at,
        "created_at": user.created_at,
    }


def _show_link(name: str, link: str, *, as_json: bool) -> None:
    hours = int(LASTS.total_seconds() // 3600)
    if as_json:
        emit_json({"name": name, "link": link, "hours": hours})
        return
    print_line(f"Give {name} this link. It works once, within {hours} hours:")
    print_line(link)


def _actor() -> str:
    return f"cli:{account_name()}"


def _note(session: Session, app_: App, act: AuditAction, user: User, **detail: object) -> None:
    audit(session, _actor(), act, app_.clock(), subject=f"person:{user.name}", company_id=None, **detail)
