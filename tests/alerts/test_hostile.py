"""Hostile text in every field that a crawled page can fill: no code runs, nothing is loaded or rearranged."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

import pytest

from alerts.clean import lines, one_line
from alerts.event import event_of
from alerts.message import Excerpt, Message, MessageContent
from alerts.render import html_page, plain_text
from alerts.transports.email_message import email_of
from storage.database.base import Database
from storage.matches import MatchKind, MatchRecord
from tests.alerts.hostile import CORPUS, MARK
from tests.alerts.samples import KEY, content, email_channel, listing, message
from tests.alerts.world import World

HEADERS = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "list-id",
    "auto-submitted",
    "x-auto-response-suppress",
    "x-spillwatch-alert",
    "x-spillwatch-severity",
    "idempotency-key",
    "mime-version",
    "content-type",
}
SAFE_TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "h1",
        "h2",
        "p",
        "table",
        "tr",
        "td",
        "ol",
        "li",
        "strong",
        "em",
        "span",
        "code",
        "br",
    ]
)
SIZE_LIMIT = 100_000  # bytes of a whole e-mail, whatever was in the page


@pytest.fixture(params=list(CORPUS.values()), ids=list(CORPUS))
def hostile(request: pytest.FixtureRequest) -> Message:
    """A message with hostile text in every crawled field, cleaned by the functions that clean every
    message.
    """
    text = str(request.param)
    short = one_line(text, 200)
    offer = listing(
        key=one_line(text, 120),
        url=one_line(f"https://market.test/{text}", 500),
        title=short,
        seller=one_line(text, 120),
        data_classes=(one_line(text, 120),),
    )
    excerpts = (Excerpt(field="body", place="body:1", term="趣店", text=lines(text, 400)),)
    sample = content(title=f"趣店: {short}", listing=offer, excerpts=excerpts)
    return message(**{name: getattr(sample, name) for name in MessageContent.model_fields})


@pytest.fixture
def mail(hostile: Message) -> EmailMessage:
    """The e-mail of that message, as a mail program parses it."""
    made = email_of(hostile, email_channel(25), idempotency_key=KEY)
    parsed = message_from_bytes(made.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_no_header_is_added(mail: EmailMessage) -> None:
    """The e-mail has the expected headers only, each once, and no decoded value has a line break."""
    names = [name.lower() for name in mail.keys()]  # noqa: SIM118 - a mail's headers are no dictionary

    assert set(names) == HEADERS
    assert len(names) == len(set(names))
    assert all("\n" not in str(value) and "\r" not in str(value) for value in mail.values())


def test_the_recipients_stay_ours(mail: EmailMessage) -> None:
    """Whatever a title says, the message goes to the configured address only."""
    assert mail["To"] == "soc@lender.test"
    assert "Bcc" not in mail


def test_the_structure_stays_ours(mail: EmailMessage) -> None:
    """The e-mail has two parts, plain and HTML; a boundary in the text does not make a third."""
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_html_holds_our_tags_alone(hostile: Message) -> None:
    """The HTML has no script, picture, link or event handler and loads nothing: crawled text stays text."""
    found = list(_tags(html_page(hostile)))

    assert {tag for tag, _ in found} <= SAFE_TAGS
    attributes = {name for _, names in found for name in names}
    assert attributes <= {
        "lang", "charset", "name", "content", "class", "style", "role", "width", "cellpadding", "cellspacing",
        "valign", "align",
    }  # fmt: skip


def test_the_html_loads_nothing(hostile: Message) -> None:
    """Markup and styles of the template have no url(), no @import and no second style sheet."""
    markup = html_page(hostile)
    styles = "".join(re.findall(r"<style>.*?</style>|style=\"[^\"]*\"", markup, re.DOTALL))

    assert "url(" not in styles
    assert "@import" not in styles
    assert markup.count("<style>") == 1


def test_no_address_can_be_clicked(hostile: Message) -> None:
    """Neither form contains anything that a mail program turns into a link to a crawled site."""
    for form in (plain_text(hostile), html_page(hostile)):
        assert re.search(r"(?i)\bhttps?://|\bftps?://", form) is None
        assert re.search(r"(?i)\b(?:evil|market|tracker|elsewhere)\.test", form) is None


def test_nothing_is_hidden_or_rearranged(hostile: Message) -> None:
    """No form contains a control, format or private-use character other than the template's line breaks."""
    for form in (plain_text(hostile), html_page(hostile), event_of(hostile).model_dump_json()):
        hidden = {c for c in form if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")}
        assert set() == hidden


def test_the_text_is_still_there(hostile: Message) -> None:
    """Cleaning keeps the text: both forms show what was written."""
    assert MARK in plain_text(hostile)
    assert MARK in html_page(hostile)


def test_the_lines_of_an_excerpt_are_marked(hostile: Message) -> None:
    """No line of crawled text begins in the column where headings begin."""
    text = plain_text(hostile)
    _, _, rest = text.partition("MASKED EXCERPTS")
    excerpt, _, _ = rest.partition("WHAT WAS READ")
    assert all(line.startswith(("    | ", "  body:1")) for line in excerpt.splitlines()[1:] if line.strip())


def test_the_size_is_bounded(mail: EmailMessage) -> None:
    """An e-mail stays under SIZE_LIMIT, even if the title is a megabyte long."""
    assert len(mail.as_bytes()) < SIZE_LIMIT


def test_the_webhook_is_json(hostile: Message) -> None:
    """The body is UTF-8, and the title in it is unchanged."""
    body = event_of(hostile).model_dump_json().encode()

    assert hostile.title == json.loads(body)["data"]["title"]


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_hostile_rows_become_a_harmless_alert(sqlite_database: Database, text: str) -> None:
    """Hostile rows (listing, seller, excerpt, place) become a revision with harmless content."""
    world = World(sqlite_database)
    version = world.crawl(title=text, body=text, seller=text, data_classes=(text,), sample=text)
    mention = MatchRecord(MatchKind.MENTION, "body", f"body:{text[:50]}", "m", excerpt=text[:10_000])
    world.judging.evaluate(world.match(version, matches=[mention], mention_fields={"body": 1}))

    (revision,) = world.revisions()
    stored = json.dumps(revision.content, ensure_ascii=False)
    assert MARK in stored
    assert re.search(r"(?i)\bhttps?://|evil\.test", stored) is None
    assert len(stored) < SIZE_LIMIT
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Co") for c in stored)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


def _tags(markup: str) -> Iterator[tuple[str, list[str]]]:
    parser = _Tags()
    parser.feed(markup)
    parser.close()
    yield from parser.found
