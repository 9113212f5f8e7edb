"""The families of sites: a module for each program, and the table of them all."""

from __future__ import annotations

from collections.abc import Mapping

from crawler.sources.definition import FamilyName
from crawler.sources.families.family import Family

FAMILIES: Mapping[FamilyName, Family] = {}
