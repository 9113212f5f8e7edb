"""A company as its people declare it: `companies/<slug>.toml`."""

from pathlib import Path
from typing import Annotated, Literal, Self

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from matching.errors import TermRefused
from matching.terms import check_exclusions, folded_term

TERMS_LIMIT = 100_000
EXCLUSIONS_LIMIT = 200  # of one term
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

TermKind = Literal["name", "alias", "domain", "brand"]


class TermDefinition(BaseModel):
    """One watch term; owner and reason, because its users forget why it exists."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(description="What is searched for, in any script.")]
    kind: Annotated[TermKind, Field(description="What it is: name, alias, domain or brand.")] = "name"
    owner: Annotated[str, Field(min_length=1, max_length=200, description="Who asked for it.")]
    reason: Annotated[str, Field(min_length=1, max_length=1000, description="Why it is watched.")]
    exclude: Annotated[
        tuple[str, ...],
        Field(max_length=EXCLUSIONS_LIMIT, description="Longer phrases in which the term is no mention."),
    ] = ()

    @field_validator("text")
    @classmethod
    def _searchable(cls, text: str) -> str:
        try:
            folded_term(text)
        except TermRefused as error:
            raise ValueError(str(error)) from None
        return text

    @model_validator(mode="after")
    def _exclusions_take_effect(self) -> Self:
        try:
            check_exclusions(self.text, self.exclude)
        except TermRefused as error:
            raise ValueError(str(error)) from None
        return self


class FingerprintsDefinition(BaseModel):
    """[fingerprints]: what is needed to compare published identifiers with the company's segments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_file: Annotated[
        Path | None, Field(description="What `spillwatch keygen` wrote; mode 0600. None: no fingerprints.")
    ] = None
    default_region: Annotated[
        str | None,
        Field(description="Country of published numbers without +. None: the one of the enrolled list."),
    ] = None

    @field_validator("default_region")
    @classmethod
    def _known(cls, region: str | None) -> str | None:
        if region is not None and region not in REGIONS:
            raise ValueError(
                f"{region!r} is no region with telephone numbers; wanted: one such as CN, GB or US"
            )
        return region


class CompanyDefinition(BaseModel):
    """A file of `companies/`; the file's name without .toml is the company's slug."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200, description="The name that alerts show.")]
    terms: Annotated[
        tuple[TermDefinition, ...], Field(max_length=TERMS_LIMIT, description="Its watch terms.")
    ] = ()
    fingerprints: Annotated[FingerprintsDefinition, Field(description="Its customers' fingerprints.")] = (
        FingerprintsDefinition()
    )
