"""`spillwatch check`: reports every mistake in the configuration at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Annotated

import typer

from alerts.settings import AppriseChannel, EmailChannel
from alerts.transports.apprise import apprise_problem
from cli.command_context import App, app_of
from cli.exits import Exit
from cli.output import emit_json, print_line
from configuration.errors import ConfigurationRefused
from crawler.errors import CookiesRefused
from crawler.fetching.api_token import token_refused
from crawler.fetching.cookies import cookie_age_remark, read_cookies
from crawler.fetching.outgoing_proxy import proxy_file_refused
from matching.mentions.alias_proposals import alias_proposals
from matching.mentions.han_words import expected_noise
from matching.mentions.terms import WatchTerm, folded_term

_TERMS_PROPOSED_FOR = 200  # of a company: one with more has its own list of spellings


def command(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Read the whole configuration and report every mistake at once. Connects to nothing."""
    app = app_of(context)
    try:
        counts = _configuration_counts(app)
        remarks = [*_channel_remarks(app), *_credential_remarks(app), *_term_remarks(app)]
        proposals = list(_alias_proposals(app))
    except ConfigurationRefused as error:
        if not as_json:
            raise
        emit_json({"ok": False, "mistakes": [mistake.as_json() for mistake in error.mistakes]})
        raise typer.Exit(Exit.CONFIGURATION) from None
    if as_json:
        emit_json({"ok": True, "mistakes": [], "remarks": remarks, "proposals": proposals, **counts})
    else:
        numbers = (
            "{sources} sources ({enabled} enabled), {companies} companies, {terms} terms, {channels} channels"
        )
        print_line(f"{counts['file']} has no mistakes: {numbers.format(**counts)}.")
        for remark in remarks:
            print_line(remark)
        for company, own in groupby(proposals, key=itemgetter("company")):
            texts = ", ".join(f'"{proposal["text"]}" ({proposal["reason"]})' for proposal in own)
            print_line(
                f"{company}: no term finds these ways to write its names: {texts}. Add those that people use "
                'as terms of kind "alias", and the others to declined_aliases.'
            )


def _channel_remarks(app: App) -> Iterator[str]:
    """Yield a sentence for a mail channel with an unusual port, and for a url that Apprise refuses."""
    for name, channel in app.configuration.settings.alerts.channels.items():
        if isinstance(channel, EmailChannel) and channel.port_remark is not None:
            yield f"{name}: {channel.port_remark}"
        elif isinstance(channel, AppriseChannel) and (problem := apprise_problem(channel)) is not None:
            yield f"{name}: {problem}"


def _credential_remarks(app: App) -> Iterator[str]:
    """Yield a sentence for each API key, proxy file or cookies file that cannot be used, or soon expires.

    These are not mistakes in the configuration: the files change without it.
    """
    for source in app.configuration.sources:
        if (refused := token_refused(source.value)) is not None:
            yield f"{source.name}: {refused}"
        if (unusable := proxy_file_refused(source.value)) is not None:
            yield f"{source.name}: {unusable}"
        if source.value.cookies_file is None:
            continue
        try:
            remark = cookie_age_remark(read_cookies(source.value.cookies_file), app.clock())
        except CookiesRefused as error:
            remark = error.reason, str(error)
        if remark is not None:
            yield f"{source.name}: {remark[1]}"


def _term_remarks(app: App) -> Iterator[str]:
    """Yield a sentence for each term that is a common word of Chinese: how much else it will find."""
    for company in app.configuration.companies:
        for term in company.value.terms:
            noise = expected_noise(folded_term(term.text))
            if noise is not None:
                yield (
                    f'{company.name}: the term "{term.text}" is a common word of Chinese. Up to about '
                    f"{noise:,.0f} mentions per MB of ordinary Chinese text will not be the company. Watch a "
                    "longer name, or exclude longer words that contain it."
                )


def _alias_proposals(app: App) -> Iterator[dict[str, str]]:
    for company in app.configuration.companies:
        value = company.value
        terms = [
            WatchTerm(number, 1, term.text, term.kind, term.exclude)
            for number, term in enumerate(value.terms[:_TERMS_PROPOSED_FOR])
        ]
        for text, reason in alias_proposals(value.name, terms, declined=value.declined_aliases):
            yield {"company": company.name, "text": text, "reason": reason}


def _configuration_counts(app: App) -> dict[str, object]:
    declared = app.configuration
    return {
        "file": declared.file,
        "sources": len(declared.sources),
        "enabled": sum(source.value.enabled for source in declared.sources),
        "companies": len(declared.companies),
        "terms": sum(len(company.value.terms) for company in declared.companies),
        "channels": len(declared.settings.alerts.channels),
    }
