"""What the two Django sites share: settings from their module and from us, tables, serving."""

# These imports are installed in .venv-peers, which mypy does not see.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.conf import settings
from serve import forever

Content = list[dict[str, Any]]


class NoMigrations:
    """A value of MIGRATION_MODULES: no application has migrations, so tables are made from its models."""

    def __contains__(self, application: str) -> bool:
        return True

    def __getitem__(self, application: str) -> None:
        return None


def run(defaults: ModuleType, fill: Callable[[Content], None], **ours: object) -> None:
    """Serve the site whose URLs are the caller's `urlpatterns`: `python SCRIPT FOLDER CONTENT.json`."""
    folder = Path(sys.argv[1])
    theirs = {name: value for name, value in vars(defaults).items() if name.isupper()}
    common = {
        "SECRET_KEY": "synthetic",
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "ROOT_URLCONF": "__main__",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "STATIC_URL": "/static/",
        "MEDIA_URL": "/media/",
        "MEDIA_ROOT": str(folder / "media"),
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "site.sqlite3"),
                # The tables need not survive a power failure.
                "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
            }
        },
        "HAYSTACK_CONNECTIONS": {
            "default": {
                "ENGINE": "haystack.backends.whoosh_backend.WhooshEngine",
                "PATH": str(folder / "index"),
            }
        },
        "LOGGING": {"version": 1},
    }
    settings.configure(**(theirs | common | ours))
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    fill(json.loads(Path(sys.argv[2]).read_text()))
    call_command("update_index", verbosity=0)
    forever(get_wsgi_application())
