"""A company as declared in its file, `companies/<slug>.toml`."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from matching.errors import TermRefused
from matching.fingerprints.key_source import PREVIOUS_LIMIT, KeySource
from matching.mentions.terms import check_exclusions, folded_term

TERMS_LIMIT = 100_000
EXCLUSIONS_LIMIT = 200  # per term
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

#: Names and terms have their own columns. Key sources are never stored: they are read from files only.
_IN_FILES_ONLY: dict[str, Any] = {
    "name": True,
    "terms": True,
    "declined_aliases": True,
    "fingerprints": {"key_file", "key_credential", "key_command", "previous_keys"},
}

TermKind = Literal["name", "alias", "domain", "brand"]


class TermDefinition(BaseModel):
    """One watch term. Owner and reason are required, because people forget why a term exists."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(description="Text to search for, in any script.")]
    kind: Annotated[TermKind, Field(description="Kind of term: name, alias, domain or brand.")] = "name"
    owner: Annotated[str, Field(min_length=1, max_length=200, description="Who asked for this term.")]
    reason: Annotated[str, Field(min_length=1, max_length=1000, description="Why this term is watched.")]
    exclude: Annotated[
        tuple[str, ...],
        Field(
            max_length=EXCLUSIONS_LIMIT, description="Longer phrases inside which the term is not a mention."
        ),
    ] = ()

    @field_validator("text")
    @classmethod
    def _check_searchable(cls, text: str) -> str:
        try:
            folded_term(text)
        except TermRefused as error:
            raise ValueError(str(error)) from None
        return text

    @model_validator(mode="after")
    def _check_exclusions_take_effect(self) -> Self:
        try:
            check_exclusions(self.text, self.exclude)
        except TermRefused as error:
            raise ValueError(str(error)) from None
        return self


class FingerprintsDefinition(BaseModel):
    """[fingerprints]: the keys and the region for comparing identifiers with the company's segments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_file: Annotated[
        Path | None,
        Field(description="Key file written by `spillwatch keygen`; mode 0600. None: no fingerprints."),
    ] = None
    key_credential: Annotated[
        str | None,
        Field(description="Instead of key_file: name of a systemd credential that holds a key file."),
    ] = None
    key_command: Annotated[
        tuple[str, ...] | None,
        Field(description="Instead of key_file: program and arguments that write a key file; no shell."),
    ] = None
    previous_keys: Annotated[
        tuple[KeySource, ...],
        Field(
            max_length=PREVIOUS_LIMIT, description="Earlier keys that made segments which are still in use."
        ),
    ] = ()
    default_region: Annotated[
        str | None,
        Field(
            description="Country of published telephone numbers without +. None: that of the enrolled list."
        ),
    ] = None

    @field_validator("default_region")
    @classmethod
    def _check_region(cls, region: str | None) -> str | None:
        if region is not None and region not in REGIONS:
            raise ValueError(
                f"{region!r} is not a region with telephone numbers; expected a code such as CN, GB or US"
            )
        return region

    @model_validator(mode="after")
    def _check_one_present_key(self) -> Self:
        named = (self.key_file, self.key_credential, self.key_command)
        if sum(value is not None for value in named) > 1:
            raise ValueError("only one of key_file, key_credential and key_command is allowed")
        if self.key is None and self.previous_keys:
            raise ValueError(
                "previous_keys without a present key; add key_file, key_credential or key_command"
            )
        return self

    @property
    def key(self) -> KeySource | None:
        """The source of the present key; None: no fingerprints."""
        named = {"file": self.key_file, "credential": self.key_credential, "command": self.key_command}
        given = {name: value for name, value in named.items() if value is not None}
        return KeySource.model_validate(given) if given else None

    @property
    def keys(self) -> tuple[KeySource, ...]:
        """The sources of all keys, the present key first."""
        return (self.key, *self.previous_keys) if self.key is not None else ()


class CompanyDefinition(BaseModel):
    """A file of `companies/`; its name without .toml is the company's slug."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200, description="Name shown in alerts.")]
    terms: Annotated[
        tuple[TermDefinition, ...], Field(max_length=TERMS_LIMIT, description="The company's watch terms.")
    ] = ()
    declined_aliases: Annotated[
        tuple[str, ...],
        Field(max_length=TERMS_LIMIT, description="Aliases that `check` is not to propose any more."),
    ] = ()
    mail_provider: Annotated[
        bool,
        Field(description="Its domains in e-mail addresses are those of its users, and are no mention."),
    ] = False
    fingerprints: Annotated[
        FingerprintsDefinition, Field(description="Keys and region for its customers' fingerprints.")
    ] = FingerprintsDefinition()


def stored_company(definition: CompanyDefinition) -> dict[str, Any]:
    """Return what the database may hold of a definition beside its name and terms."""
    return definition.model_dump(mode="json", exclude=_IN_FILES_ONLY)
