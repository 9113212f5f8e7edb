"""A company as its people declare it: `companies/<slug>.toml`."""

from pathlib import Path
from typing import Annotated, Literal, Self

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from matching.errors import TermRefused
from matching.fingerprints.key_source import PREVIOUS_LIMIT, KeySource
from matching.mentions.terms import check_exclusions, folded_term

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
    key_credential: Annotated[
        str | None, Field(description="Instead: the name of a systemd credential that holds such a file.")
    ] = None
    key_command: Annotated[
        tuple[str, ...] | None,
        Field(description="Instead: a program and its arguments that write such a file; no shell."),
    ] = None
    previous_keys: Annotated[
        tuple[KeySource, ...],
        Field(max_length=PREVIOUS_LIMIT, description="Keys that segments in use were made with before."),
    ] = ()
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

    @model_validator(mode="after")
    def _one_present_key(self) -> Self:
        named = (self.key_file, self.key_credential, self.key_command)
        if sum(value is not None for value in named) > 1:
            raise ValueError("a key comes from one place: key_file, key_credential or key_command")
        if self.key is None and self.previous_keys:
            raise ValueError("there are previous_keys and no present one; wanted key_file or its like")
        return self

    @property
    def key(self) -> KeySource | None:
        """Where the present key comes from; None: no fingerprints."""
        named = {"file": self.key_file, "credential": self.key_credential, "command": self.key_command}
        given = {name: value for name, value in named.items() if value is not None}
        return KeySource.model_validate(given) if given else None

    @property
    def keys(self) -> tuple[KeySource, ...]:
        """All of them, the present one first."""
        return (self.key, *self.previous_keys) if self.key is not None else ()


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
