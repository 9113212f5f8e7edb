"""What `match` and `investigate` compare with: what all companies watch for, or one."""

from cli.command_context import App
from cli.errors import UnknownName
from cli.output import print_error
from configuration.match_watch import MatchWatch, load_match_watch


def chosen_watch(app: App, only: str | None) -> MatchWatch:
    """Return what is searched for, after a message for each company whose fingerprints cannot be compared."""
    found = load_match_watch(app.watch_configuration, app.database, only)
    slugs = sorted(found.names.values())
    if only is not None and only not in slugs:
        raise UnknownName(f'There is no company "{only}". Known companies: {", ".join(slugs) or "none"}.')
    for slug, error in found.unusable.items():
        print_error(f"The fingerprints of {slug} are not compared: {error}.")
    return found
