"""The models of source files: one per kind, chosen by `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
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
from crawler.sources.expressions import (
    JsonSelector,
    KeyTemplate,
    MarkupSelector,
    PageTemplate,
    Pattern,
    Url,
    Zone,
    mistake,
)
from crawler.sources.family_headers import TOKEN_HEADERS
from crawler.sources.privatebin_cipher import parse_paste_link
from crawler.sources.visit_settings import (
    SHORTEST_INTERVAL,
    SHORTEST_INTERVAL_AT_HOME,
    Politeness,
    Schedule,
    StrictModel,
    VisitBudget,
)
from network.proxy_address import parse_proxy

MAX_STARTS = 50


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_options(value: object) -> object:
    return {"select": value} if isinstance(value, str) else value


class FieldOptions(StrictModel):
    """How the text of a field is cut out of what its selector found.

    `join` joins all matches with this text; without it only the first match is used. A page without a
    `required` field is "not recognised". By default, the title and body of an item page are required.
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


class TextOptions(FieldOptions):
    """A field that is cut out of a text of the listing itself."""

    select: Literal["title", "body", "sample", "seller"]


MarkupField = Annotated[MarkupOptions, BeforeValidator(_as_options)]
JsonField = Annotated[JsonOptions, BeforeValidator(_as_options)]
EntryField = Annotated[EntryOptions, BeforeValidator(_as_options)]
TextField = Annotated[TextOptions, BeforeValidator(_as_options)]
F = TypeVar("F")


class Fields(StrictModel, Generic[F]):
    """The fields of a listing that a source file can fill. Each is cleaned according to its name."""

    title: F | None = None
    body: F | None = None
    seller: F | None = None
    price: F | None = None
    claimed_records: F | None = None
    data_classes: F | None = None
    posted_at: F | None = None
    sample: F | None = None


class ItemFields(Fields[F], Generic[F]):
    """The fields on a listing's own page. They replace those of its list row.

    `gone` finds something only on a page that says that its listing does not exist; `next` finds the link to
    the next page of a thread.
    """

    url: KeyTemplate | None = None
    gone: F | None = None
    next: F | None = None
    links: F | None = None
    attachments: F | None = None


class MarkupItem(ItemFields[MarkupField]):
    drop: Annotated[tuple[MarkupSelector, ...], BeforeValidator(_as_list)] = ()


class ListPage(StrictModel, Generic[F]):
    """Where a list page has its rows, the link of each listing, and the link to the next list page."""

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
    def _check_links(self) -> ListPage[F]:
        if self.link is None and self.url is None:
            raise mistake("link", "`link` (the link to a listing), or `url` with {key} and a `key`")
        if self.url is not None and self.key is None:
            raise mistake("key", "a `key` together with `url`: it fills the {key}")
        if self.page_url and "{cursor}" in self.page_url and self.next is None:
            raise mistake("next", "`next` together with a `page_url` with {cursor}: it finds the cursor")
        if self.page_url and "{page}" in self.page_url and self.next is not None:
            raise mistake("next", "either `next` or a `page_url` with {page}, not both")
        return self


class MarkupList(ListPage[MarkupField]):
    rows: MarkupSelector
    empty: MarkupSelector | None = None

    @model_validator(mode="after")
    def _check_end_of_list(self) -> MarkupList:
        # Otherwise a page without rows could be the end, a login wall or a new design.
        if self.page_url and "{page}" in self.page_url and self.empty is None and self.last_page is None:
            raise mistake(
                "end",
                "`last_page` or `empty` together with a `page_url` with {page}, to find the end",
            )
        return self


class JsonList(ListPage[JsonField]):
    rows: JsonSelector


def _check_source_proxy(value: str) -> str:
    """Check a source's proxy; "": none, although [crawler] has one."""
    if not value:
        return value
    try:
        address = parse_proxy(value)
    except ValueError as error:
        raise mistake("proxy", f'{error}; or "" for no proxy') from None
    if address.login is not None:
        raise mistake("proxy", "an address without a login: put it into a file that proxy_file names")
    return value


class SourceBase(StrictModel):
    """The keys that all kinds share. The name of a source is the name of its file."""

    start: Annotated[tuple[Url, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=MAX_STARTS)]
    enabled: bool = True
    via: Literal["direct", "tor"] = "direct"
    proxy: Annotated[str, AfterValidator(_check_source_proxy)] | None = None
    proxy_file: Path | None = None
    timezone: Zone | None = None
    date_order: Literal["dmy", "mdy"] | None = None
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3,5}$")
    allow_private_addresses: tuple[str, ...] = ()
    headers: Headers = Field(default_factory=dict)
    cookies_file: Path | None = None
    schedule: Schedule = Schedule()
    budget: VisitBudget = VisitBudget()
    politeness: Politeness = Politeness()

    @model_validator(mode="after")
    def _check_way_out(self) -> SourceBase:
        named = "proxy_file" if self.proxy_file is not None else "proxy"
        if self.proxy_file is not None and self.proxy is not None:
            raise mistake("proxy_file", "either `proxy` or `proxy_file`, not both")
        if self.via == "tor" and (self.proxy_file is not None or self.proxy):
            raise mistake(named, f'no `{named}` beside `via = "tor"`: an onion is reached through Tor alone')
        return self

    @field_validator("schedule")
    @classmethod
    def _check_interval(cls, schedule: Schedule, info: ValidationInfo) -> Schedule:
        hosts = {urlsplit(url).hostname for url in info.data.get("start", ())}
        at_home = hosts <= set(info.data.get("allow_private_addresses", ()))
        shortest = SHORTEST_INTERVAL_AT_HOME if at_home else SHORTEST_INTERVAL
        if schedule.every is not None and schedule.every < shortest:
            raise mistake("schedule", f"`every` with an interval of at least {shortest.seconds}s")
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
    """A list of recent pastes, and the address of each raw text: `{key}` in `raw` is the key of the row.

    `entry`: fields that stand in the titles and texts.
    """

    kind: Literal["paste"]
    raw: KeyTemplate
    list: MarkupList | JsonList
    entry: Fields[TextField] = Fields[TextField]()

    @model_validator(mode="after")
    def _check_key(self) -> PasteBase:
        if self.list.key is None:
            raise mistake("key", "`list.key` together with `raw`: it fills the {key}")
        return self


class PasteHtmlSource(PasteBase):
    list: MarkupList
    row: Fields[MarkupField] = Fields[MarkupField]()


class PasteJsonSource(PasteBase):
    list: JsonList
    row: Fields[JsonField] = Fields[JsonField]()


PasteSource = PasteHtmlSource | PasteJsonSource

#: Validation context of a definition that was read from a database row.
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
    """A site that runs a known program: its source file needs no selectors.

    `replies`: read the replies of a thread, or only its first post. `token_file` holds the API key of an
    interface that requires one. `entry`: fields that the site's users write into titles and posts.
    """

    kind: FamilyName
    replies: bool = True
    token_file: Path | None = None
    entry: Fields[TextField] = Fields[TextField]()

    @field_validator("token_file")
    @classmethod
    def _check_token_file(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and info.data.get("kind") not in TOKEN_HEADERS:
            raise mistake(
                "token_file", f"no `token_file`: only these kinds take a key: {', '.join(TOKEN_HEADERS)}"
            )
        return file

    @model_validator(mode="after")
    def _check_paste_links(self, info: ValidationInfo) -> FamilySource:
        # Requesting any other paste of PrivateBin may destroy it. Stored rows hold addresses without keys,
        # and were checked as files.
        if (
            holds_keys(self)
            and info.context is not STORED
            and not all(parse_paste_link(url) for url in self.start)
        ):
            wanted = "whole links to pastes, each with its key (`https://.../?ID#KEY`) and without `#-`"
            raise mistake("start", wanted)
        return self


def _model_name(value: object) -> str | None:
    """Return the name of the model, chosen by `kind` and, for a paste site, by the language of its `rows`."""
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
        _model_name,
        custom_error_type="kind",
        custom_error_message='a kind ("html", "feed", "json", "paste") or the name of a family ("mybb", ...)',
    ),
]
_ADAPTER: TypeAdapter[SourceDefinition] = TypeAdapter(SourceDefinition)


def read_definition(values: Mapping[str, Any]) -> SourceDefinition:
    """Return the definition in a parsed source file. Raises pydantic's `ValidationError`."""
    return _ADAPTER.validate_python(values)


def read_stored(values: Mapping[str, Any]) -> SourceDefinition:
    """Return the definition in a row that `stored_definition` made. Raises pydantic's `ValidationError`."""
    return _ADAPTER.validate_python(values, context=STORED)


def stored_definition(definition: SourceDefinition) -> dict[str, Any]:
    """Return what the database may hold of a definition. Keys stay in the source file."""
    values = definition.model_dump(mode="json")
    return {**values, "start": addresses_without_keys(definition)} if holds_keys(definition) else values


def holds_keys(definition: SourceBase) -> bool:
    """Whether the start addresses contain keys.

    A run of such a source is given the whole definition, because the stored one has no keys.
    """
    return isinstance(definition, FamilySource) and definition.kind == "privatebin"


def addresses_without_keys(definition: SourceBase) -> list[str]:
    """Return the addresses of encrypted pastes without their keys: these are requested from the site."""
    return [link.url if (link := parse_paste_link(url)) else url for url in definition.start]
