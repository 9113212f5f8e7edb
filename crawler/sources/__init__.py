"""The kinds of source: each is a model of its TOML file and an adapter that reads its pages."""

from crawler.sources.definition import Mistake, SourceDefinition, mistakes, read_definition
from crawler.sources.page import LISTING_ROLES, Adapter, FieldFinding, Follow, Page, Parsed, Role

__all__ = [
    "LISTING_ROLES",
    "Adapter",
    "FieldFinding",
    "Follow",
    "Mistake",
    "Page",
    "Parsed",
    "Role",
    "SourceDefinition",
    "mistakes",
    "read_definition",
]
