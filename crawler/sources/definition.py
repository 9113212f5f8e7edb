"""A source file as it must be: one model a kind, told apart by `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)

from crawler.header_table import Headers
from crawler.sources.access import TOKEN_HEADERS
from crawler.sources.language import (
    JsonSelector,
    KeyTemplate,
    MarkupSelector,
    PageTemplate,
    Pattern,
    Url,
    Zone,
    mistake,
)
from crawler.sources.sealed import link_of
from crawler.sources.visits import (
    SHORTEST_INTERVAL,
    SHORTEST_INTERVAL_AT_HOME,
    Politeness,
    Schedule,
    Strict,
    VisitBudget,
)

MAX_STARTS = 50


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _selected(value: object) -> object:
    return {"select": value} if isinstance(value, str) else value


class FieldOptions(Strict):
    """How a field's text is cut out of what its selector found.

    `join` puts all matches together (else the first counts). A page that lacks a `required` field is "not
    recognised"; unset, an item's title and body are required.
    """

    pattern: Pattern | None = None
    join: str | None = Field(default=None, max_length=20)
    required: bool | None = None


class MarkupOptions(FieldOptions):
    select: MarkupSelector
    attr: str | None = Field(default=None, pattern=r"^[A-Za-z][\w:.-]{0,63}$")


class JsonOptions(FieldOptions):
    select: JsonSelector
    markup: bool = False


class EntryOptions(FieldOptions):
    select: Literal["title", "summary", "author", "link", "id", "published", "updated", "tags"]


MarkupField = Annotated[MarkupOptions, BeforeValidator(_selected)]
JsonField = Annotated[JsonOptions, BeforeValidator(_selected)]
EntryField = Annotated[EntryOptions, BeforeValidator(_selected)]
F = TypeVar("F")


class Fields(Strict, Generic[F]):
    """The fields of a listing that a source file can fill; each is cleaned as its name says."""

    title: F | None = None
    body: F | None = None
    seller: F | None = None
    price: F | None = None
    claimed_records: F | None = None
    data_classes: F | None = None
    posted_at: F | None = None
    sample: F | None = None


class ItemFields(Fields[F], Generic[F]):
    """What a listing's own page says; it wins over what the row said."""

    url: KeyTemplate | None = None
    links: F | None = None
    attachments: F | None = None


class MarkupItem(ItemFields[MarkupField]):
    drop: Annotated[tuple[MarkupSelector, ...], BeforeValidator(_listed)] = ()


class ListPage(Strict, Generic[F]):
    """Where the rows are, what leads to each listing, and what leads to the next page."""

    link: F | None = None
    url: KeyTemplate | None = None
    key: F | None = None
    state: F | None = None
    next: F | None = None
    page_url: PageTemplate | None = None
    page_first: int = Field(default=1, ge=0)
    page_step: int = Field(default=1, ge=1)
    last_page: F | None = None

    @model_validator(mode="after")
    def _ways_agree(self) -> ListPage[F]:
        if self.link is None and self.url is None:
            raise mistake("link", "`link` (what leads to a listing), or `url` with {key} and a `key`")
        if self.url is not None and self.key is None:
            raise mistake("key", "`key` beside `url`: it fills the {key}")
        if self.page_url and "{cursor}" in self.page_url and self.next is None:
            raise mistake("next", "`next` beside a `page_url` with {cursor}: it finds the cursor")
        if self.page_url and "{page}" in self.page_url and self.next is not None:
            raise mistake("next", "either `next` or a `page_url` with {page}, not both")
        return self


class MarkupList(ListPage[MarkupField]):
    rows: MarkupSelector
    empty: MarkupSelector | None = None

    @model_validator(mode="after")
    def _end_is_told(self) -> MarkupList:
        # Else a page without rows could be the end, a login wall or a new design.
        if self.page_url and "{page}" in self.page_url and self.empty is None and self.last_page is None:
            raise mistake("end", "`last_page` or `empty` beside a `page_url` with {page}: what shows the end")
        return self


class JsonList(ListPage[JsonField]):
    rows: JsonSelector


class SourceBase(Strict):
    """What every kind has in common; a source's name is its file's name."""

    start: Annotated[tuple[Url, ...], BeforeValidator(_listed), Field(min_length=1, max_length=MAX_STARTS)]
    enabled: bool = True
    via: Literal["direct", "tor"] = "direct"
    timezone: Zone | None = None
    date_order: Literal["dmy", "mdy"] | None = None
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3,5}$")
    allow_private_addresses: tuple[str, ...] = ()
    headers: Headers = Field(default_factory=dict)
    cookies_file: Path | None = None
    schedule: Schedule = Schedule()
    budget: VisitBudget = VisitBudget()
    politeness: Politeness = Politeness()

    @field_validator("schedule")
    @classmethod
    def _seldom_enough(cls, schedule: Schedule, seen: ValidationInfo) -> Schedule:
        hosts = {urlsplit(url).hostname for url in seen.data.get("start", ())}
        at_home = hosts <= set(seen.data.get("allow_private_addresses", ()))
        shortest = SHORTEST_INTERVAL_AT_HOME if at_home else SHORTEST_INTERVAL
        if schedule.every is not None and schedule.every < shortest:
            raise mistake("schedule", f"an interval of {shortest.seconds}s or more in `every`")
        return schedule


class HtmlSource(SourceBase):
    kind: Literal["html"]
    list: MarkupList
    row: Fields[MarkupField] = Fields[MarkupField]()
    item: MarkupItem | None = None


class FeedSource(SourceBase):
    kind: Literal["feed"]
    entry: Fields[EntryField] = Fields[EntryField]()
    item: MarkupItem | None = None


class JsonSource(SourceBase):
    kind: Literal["json"]
    list: JsonList
    row: Fields[JsonField] = Fields[JsonField]()
    item: ItemFields[JsonField] | None = None


class PasteBase(SourceBase):
    """A list of recent pastes, and where the raw text of each is; `{key}` in `raw` is the row's key."""

    kind: Literal["paste"]
    raw: KeyTemplate
    list: MarkupList | JsonList

    @model_validator(mode="after")
    def _raw_has_a_key(self) -> PasteBase:
        if self.list.key is None:
            raise mistake("key", "`list.key` beside `raw`: it fills the {key}")
        return self


class PasteHtmlSource(PasteBase):
    list: MarkupList
    row: Fields[MarkupField] = Fields[MarkupField]()


class PasteJsonSource(PasteBase):
    list: JsonList
    row: Fields[JsonField] = Fields[JsonField]()


PasteSource = PasteHtmlSource | PasteJsonSource

#: The validation context of a definition that was read from a row.
STORED = {"stored": True}

FamilyName = Literal[
    "mybb",
    "phpbb",
    "xenforo",
    "vbulletin",
    "discuz",
    "smf",
    "flarum",
    "nodebb",
    "discourse",
    "wordpress",
    "telegram",
    "pastebin",
    "gists",
    "privatebin",
    "ransomlook",
    "ransomware_live",
]
FAMILY_NAMES: tuple[FamilyName, ...] = get_args(FamilyName)


class FamilySource(SourceBase):
    """A site that runs a program we know: nothing has to be said about its pages.

    `replies`: whether a thread's replies are read, or its first post alone. `token_file` holds the key of an
    API that wants one.
    """

    kind: FamilyName
    replies: bool = True
    token_file: Path | None = None

    @field_validator("token_file")
    @classmethod
    def _token_is_wanted(cls, file: Path | None, seen: ValidationInfo) -> Path | None:
        if file is not None and seen.data.get("kind") not in TOKEN_HEADERS:
            raise mistake("token_file", f"a key only for {', '.join(TOKEN_HEADERS)}: others have none")
        return file

    @model_validator(mode="after")
    def _pastes_are_named(self, seen: ValidationInfo) -> FamilySource:
        # Whatever else is asked for at PrivateBin may burn; a stored row was looked at as a file.
        if holds_keys(self) and seen.context is not STORED and not all(link_of(url) for url in self.start):
            wanted = "whole links to pastes, each with its key (`https://.../?ID#KEY`), and none with `#-`"
            raise mistake("start", wanted)
        return self


def _shape(value: object) -> str | None:
    """Name the model: the kind, and for a paste site the language of its `rows` too."""
    if isinstance(value, SourceBase):
        return type(value).__name__
    if not isinstance(value, dict):
        return None
    if value.get("kind") in FAMILY_NAMES:
        return "FamilySource"
    if value.get("kind") != "paste":
        return {"html": "HtmlSource", "feed": "FeedSource", "json": "JsonSource"}.get(str(value.get("kind")))
    listing = value.get("list")
    rows = listing.get("rows") if isinstance(listing, dict) else None
    return "PasteJsonSource" if isinstance(rows, str) and rows.startswith("$") else "PasteHtmlSource"


SourceDefinition = Annotated[
    Annotated[HtmlSource, Tag("HtmlSource")]
    | Annotated[FeedSource, Tag("FeedSource")]
    | Annotated[JsonSource, Tag("JsonSource")]
    | Annotated[PasteHtmlSource, Tag("PasteHtmlSource")]
    | Annotated[PasteJsonSource, Tag("PasteJsonSource")]
    | Annotated[FamilySource, Tag("FamilySource")],
    Discriminator(
        _shape,
        custom_error_type="kind",
        custom_error_message='a kind ("html", "feed", "json", "paste") or a family of sites ("mybb", ...)',
    ),
]
_ADAPTER: TypeAdapter[SourceDefinition] = TypeAdapter(SourceDefinition)


def read_definition(values: Mapping[str, Any]) -> SourceDefinition:
    """Return the definition in a parsed source file; raises pydantic's `ValidationError`."""
    return _ADAPTER.validate_python(values)


def read_stored(values: Mapping[str, Any]) -> SourceDefinition:
    """Return the definition in a row, which `stored_definition` made; raises pydantic's `ValidationError`."""
    return _ADAPTER.validate_python(values, context=STORED)


def stored_definition(definition: SourceDefinition) -> dict[str, Any]:
    """What the database may hold of a definition: no key, which stays in the source's file."""
    values = definition.model_dump(mode="json")
    return {**values, "start": keyless(definition)} if holds_keys(definition) else values


def holds_keys(definition: SourceBase) -> bool:
    """Whether its addresses are keys as well: a run of it is handed the whole definition."""
    return isinstance(definition, FamilySource) and definition.kind == "privatebin"


def keyless(definition: SourceBase) -> list[str]:
    """The addresses of sealed pastes, which is what a site is asked for."""
    return [link.url if (link := link_of(url)) else url for url in definition.start]
