"""The families of sites: a module for each program, and the table of them all."""

from __future__ import annotations

from collections.abc import Mapping

from crawler.sources.definition import FamilyName
from crawler.sources.families.family import Family

#: A line for each program; recognition goes by weight, so that their order means nothing.
_ALL: tuple[Family, ...] = ()

FAMILIES: Mapping[FamilyName, Family] = {family.name: family for family in _ALL}
