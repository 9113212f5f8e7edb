"""What each run does once and in the same way, so that the warm process can do it before its forks.

Nothing here opens a file for writing, a connection or a database, or starts a thread.
"""

from __future__ import annotations

from importlib import import_module

from scrapy.settings import default_settings
from scrapy.utils.misc import load_object
from sqlalchemy.orm import configure_mappers

from crawler.fetching.routes import trusted_authorities
from crawler.visits.scrapy_settings import (
    DOWNLOADER_MIDDLEWARES,
    EXTENSIONS,
    NAMED_COMPONENTS,
    PAGE_ROUTE,
    ROUTES,
    default_settings_of_visits,
)
from storage.database.connect import prepare_for_forks

#: Scrapy's own components that a run uses, by the settings that name them.
SCRAPY_COMPONENTS = (
    *("DOWNLOADER", "SCHEDULER", "SCHEDULER_PRIORITY_QUEUE", "SCHEDULER_MEMORY_QUEUE"),
    *("SCHEDULER_DISK_QUEUE", "STATS_CLASS"),
)
#: Modules that libraries import when they are first needed.
LATE_MODULES = (
    *("anyio._backends._asyncio", "bs4", "encodings.cp437", "encodings.idna", "feedparser", "jsonpath"),
    "xml.sax.expatreader",
)


def warm_up() -> None:
    """Import what is imported by name or late, read the trusted authorities and Scrapy's default settings,
    and prepare the tables' classes and unconnected engines.
    """
    for name in (*DOWNLOADER_MIDDLEWARES, *EXTENSIONS, *NAMED_COMPONENTS, PAGE_ROUTE, *ROUTES.values()):
        load_object(name)
    for setting in SCRAPY_COMPONENTS:
        load_object(getattr(default_settings, setting))
    for module in LATE_MODULES:
        import_module(module)
    trusted_authorities.page_context()
    trusted_authorities.json_context()
    configure_mappers()
    prepare_for_forks()
    default_settings_of_visits()
