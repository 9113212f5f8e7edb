"""JSON interfaces of site software that no package registry has, served from one content over real HTTP.

Each program answers in the form of its real code (fields, pages, dates, answers beyond the last page). The
answers also contain what no adapter should read: hidden posts, events, quotes, views. All content is
synthetic.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.peers.web import Answer, Asked, Site, Writer

FIRST = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
AUTHORS = ("old_fox", "数据贩子", "marta")


@dataclass
class Message:
    """A post, a paste or a message. `edits` counts its edits."""

    id: int
    author: str
    text: str
    at: datetime
    edits: int = 0


@dataclass
class Topic:
    """A thread with its posts, or a single post."""

    id: int
    title: str
    posts: list[Message]

    @property
    def first(self) -> Message:
        return self.posts[0]

    @property
    def last(self) -> Message:
        return self.posts[-1]

    @property
    def changed(self) -> datetime:
        """Time of the last change, including edits."""
        return max(post.at + timedelta(days=post.edits) for post in self.posts)


@dataclass
class Content:
    """The content of a site. Tests change it between two visits."""

    topics: list[Topic] = field(default_factory=list)
    posts: int = 0

    def add(self, *, replies: int = 0) -> Topic:
        number = len(self.topics) + 1
        topic = Topic(number, f"出售客户数据 Selling batch {number}: {number + 1}k records", [])
        self.topics.append(topic)
        for _ in range(replies + 1):
            self.reply(topic)
        return topic

    def reply(self, topic: Topic) -> Message:
        self.posts += 1
        at = FIRST + timedelta(minutes=self.posts)
        post = Message(self.posts, AUTHORS[self.posts % len(AUTHORS)], f"Text of post {self.posts}.", at)
        topic.posts.append(post)
        return post

    def by_last(self) -> list[Topic]:
        return sorted(self.topics, key=lambda topic: topic.last.at, reverse=True)

    def by_change(self) -> list[Topic]:
        return sorted(self.topics, key=lambda topic: topic.changed, reverse=True)

    def topic(self, number: int) -> Topic | None:
        return next((topic for topic in self.topics if topic.id == number), None)


#: A program: maps a request to its answer. None: 404.
Program = Callable[[Content, Asked, str], Answer | None]


class Served(Site):
    """A site that runs one program."""

    def __init__(self, program: Program, content: Content) -> None:
        super().__init__(offers=0)
        self.program = program
        self.content = content
        self.redesigned = False

    async def _answer(self, asked: Asked, writer: Writer) -> Answer | None:
        if asked.path == "/robots.txt":
            return self.robots
        if self.redesigned:
            return Answer(b"<html><title>Welcome</title><main>Our new home!</main></html>")
        return self.program(self.content, asked, self.url) or Answer(b"{}", status=404)


def json_answer(document: object) -> Answer:
    return Answer(json.dumps(document).encode(), content_type="application/json; charset=utf-8")


def iso_time(at: datetime, *, ending: str = "+00:00") -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S") + ending


def number_in_query(asked: Asked, name: str, default: int) -> int:
    return int(asked.query.get(name, default))


# --- Flarum: JSON:API


def flarum(content: Content, asked: Asked, url: str) -> Answer | None:
    offset, limit = (
        number_in_query(asked, "page[offset]", 0),
        min(number_in_query(asked, "page[limit]", 20), 50),
    )
    topic = None
    if asked.path == "/api/discussions":
        rows = [_flarum_discussion(each) for each in content.by_last()]
    elif asked.path == "/api/posts":
        topic = content.topic(int(asked.query["filter[discussion]"]))
        rows = _flarum_posts(topic) if topic else []
        if asked.query.get("sort") == "-number":
            rows.reverse()
    else:
        return None
    links = {"first": f"{url}{asked.path}"}
    if len(rows) > offset + limit:
        links["next"] = f"https://elsewhere.example{asked.path}?page[offset]={offset + limit}"
    included = [
        {"type": "users", "id": str(place), "attributes": {"username": name}}
        for place, name in _numbered_users()
    ]
    if topic is not None:
        included.append(_flarum_discussion(topic))
    return json_answer({"links": links, "data": rows[offset : offset + limit], "included": included})


def _numbered_users() -> list[tuple[int, str]]:
    return list(enumerate(AUTHORS, start=1))


def _author_relationship(author: str) -> dict[str, Any]:
    return {"user": {"data": {"type": "users", "id": str(AUTHORS.index(author) + 1)}}}


def _flarum_discussion(topic: Topic) -> dict[str, Any]:
    attributes = {
        "title": topic.title,
        "slug": f"{topic.id}-selling",
        "commentCount": len(topic.posts),
        "lastPostNumber": len(topic.posts) + 1,
        "createdAt": iso_time(topic.first.at),
        "lastPostedAt": iso_time(topic.last.at),
    }
    return {
        "type": "discussions",
        "id": str(topic.id),
        "attributes": attributes,
        "relationships": _author_relationship(topic.first.author),
    }


def _flarum_posts(topic: Topic) -> list[dict[str, Any]]:
    rows = [_flarum_post(post, place, topic) for place, post in enumerate(topic.posts, start=1)]
    renamed = {"number": len(rows) + 1, "contentType": "discussionRenamed", "content": ["old", "new"]}
    return [*rows, {"type": "posts", "id": f"9{topic.id:06}", "attributes": renamed}]


def _flarum_post(post: Message, place: int, topic: Topic) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "number": place,
        "createdAt": iso_time(post.at),
        "contentType": "comment",
        "contentHtml": f"{_reply_quote(topic, place)}<p>{post.text}</p>",
    }
    if post.edits:
        attributes["editedAt"] = iso_time(post.at + timedelta(days=post.edits))
    return {
        "type": "posts",
        "id": str(post.id),
        "attributes": attributes,
        "relationships": _author_relationship(post.author),
    }


def _reply_quote(topic: Topic, place: int) -> str:
    """Return the quote with which a reply begins."""
    return "" if place == 1 else f"<blockquote><p>{topic.first.text}</p></blockquote>"


# --- NodeBB


def nodebb(content: Content, asked: Asked, url: str) -> Answer | None:
    page = number_in_query(asked, "page", 1)
    if asked.path == "/api/recent":
        rows, size = [_nodebb_topic(topic) for topic in content.by_last()], 20
        document: dict[str, Any] = {"topics": rows[(page - 1) * size : page * size]}
    elif asked.path.startswith("/api/topic/"):
        topic = content.topic(int(asked.path.rsplit("/", 1)[1]))
        if topic is None:
            return None
        rows, size = [_nodebb_post(post, topic, place) for place, post in enumerate(topic.posts)], 20
        document = _nodebb_topic(topic) | {"posts": rows[(page - 1) * size : page * size]}
    else:
        return None
    pages = max(1, -(-len(rows) // size))
    further = {"page": page + 1, "active": page < pages}
    return json_answer(document | {"pagination": {"currentPage": page, "pageCount": pages, "next": further}})


def _nodebb_topic(topic: Topic) -> dict[str, Any]:
    return {
        "tid": topic.id,
        "uid": 1,
        "mainPid": topic.first.id,
        "title": topic.title.replace(":", "&#58;"),
        "titleRaw": topic.title,
        "slug": f"{topic.id}/selling",
        "timestampISO": iso_time(topic.first.at, ending=".000Z"),
        "lastposttimeISO": iso_time(topic.last.at, ending=".000Z"),
        "postcount": len(topic.posts),
        "viewcount": 7 * len(topic.posts),
        "deleted": 0,
        "user": {"username": topic.first.author},
    }


def _nodebb_post(post: Message, topic: Topic, place: int) -> dict[str, Any]:
    return {
        "pid": post.id,
        "uid": 1,
        "index": place,
        "timestampISO": iso_time(post.at, ending=".000Z"),
        "content": f"{_reply_quote(topic, place + 1)}<p>{post.text}</p>",
        "deleted": 0,
        "edited": post.edits,
        "editedISO": iso_time(post.at + timedelta(days=post.edits), ending=".000Z") if post.edits else "",
        "user": {"username": post.author},
    }


# --- Discourse


def discourse(content: Content, asked: Asked, url: str) -> Answer | None:
    if asked.path == "/latest.json":
        page, size = number_in_query(asked, "page", 0), 30
        rows = [_discourse_topic(topic) for topic in content.by_last()]
        topics: dict[str, Any] = {"topics": rows[page * size : (page + 1) * size]}
        if len(rows) > (page + 1) * size:
            topics["more_topics_url"] = f"/latest?no_definitions=true&page={page + 1}"
        users = [{"id": place, "username": name} for place, name in _numbered_users()]
        return json_answer({"users": users, "topic_list": topics})
    if not asked.path.startswith("/t/"):
        return None
    topic = content.topic(int(asked.path.removesuffix(".json").rsplit("/", 1)[1]))
    page, size = number_in_query(asked, "page", 1), 20
    if topic is None or (page - 1) * size >= len(topic.posts):
        return None
    posts = [_discourse_post(post, topic, place) for place, post in enumerate(topic.posts, start=1)]
    closed = {"id": 900_000 + topic.id, "post_number": len(posts) + 1, "post_type": 3, "cooked": "<p>closed"}
    here = [*posts[(page - 1) * size : page * size], closed]
    stream = {"posts": here, "stream": [post["id"] for post in posts]}
    return json_answer({"post_stream": stream, "chunk_size": size, "title": topic.title, "id": topic.id})


def _discourse_topic(topic: Topic) -> dict[str, Any]:
    return {
        "id": topic.id,
        "title": topic.title,
        "slug": "selling",
        "posts_count": len(topic.posts),
        "highest_post_number": len(topic.posts) + 1,
        "created_at": iso_time(topic.first.at, ending=".000Z"),
        "last_posted_at": iso_time(topic.last.at, ending=".000Z"),
        "views": 9 * len(topic.posts),
        "posters": [{"user_id": AUTHORS.index(topic.first.author) + 1, "description": "Original Poster"}],
    }


def _discourse_post(post: Message, topic: Topic, place: int) -> dict[str, Any]:
    quoted = f'<aside class="quote"><blockquote>{topic.first.text}</blockquote></aside>' if place > 1 else ""
    return {
        "id": post.id,
        "username": post.author,
        "post_number": place,
        "post_type": 1,
        "created_at": iso_time(post.at, ending=".000Z"),
        "version": post.edits + 1,
        "cooked": f"{quoted}<p>{post.text}</p>",
    }


# --- WordPress


def wordpress(content: Content, asked: Asked, url: str) -> Answer | None:
    if asked.path != "/wp-json/wp/v2/posts":
        return None
    offset, size = number_in_query(asked, "offset", 0), min(number_in_query(asked, "per_page", 10), 100)
    by_id = sorted(content.topics, key=lambda topic: topic.id, reverse=True)
    topics = by_id if asked.query.get("orderby") == "id" else content.by_change()
    rows = [_wordpress_post(topic, url) for topic in topics]
    return json_answer(rows[offset : offset + size])


def _wordpress_post(topic: Topic, url: str) -> dict[str, Any]:
    return {
        "id": topic.id,
        "link": f"{url}/2026/03/selling-{topic.id}/",
        "date_gmt": iso_time(topic.first.at, ending=""),
        "modified_gmt": iso_time(topic.changed, ending=""),
        "title": {"rendered": topic.title.replace(":", "&#58;")},
        "content": {"rendered": f"<p>{topic.first.text}</p>", "protected": False},
        "author": 1,
        "_embedded": {"author": [{"name": topic.first.author}]},
    }


# --- Telegram's preview


def telegram(content: Content, asked: Asked, url: str) -> Answer | None:
    if asked.path != "/s/leaks":
        return None
    before, size = number_in_query(asked, "before", 10**9), 20
    older = [topic for topic in content.topics if topic.id < before]
    shown = older[-size:]
    more = f'<a class="tme_messages_more" data-before="{shown[0].id}"></a>' if len(older) > size else ""
    body = more + "".join(_telegram_message(topic) for topic in shown)
    return Answer(f'<html><section class="tgme_channel_history">{body}</section></html>'.encode())


def _telegram_message(topic: Topic) -> str:
    answered = '<a class="tgme_widget_message_reply"><div class="tgme_widget_message_text">Old</div></a>'
    return (
        f'<div class="tgme_widget_message js-widget_message" data-post="leaks/{topic.id}">'
        f'<a class="tgme_widget_message_owner_name"><span>Leaks today</span></a>{answered}'
        f'<div class="tgme_widget_message_text js-message_text">{topic.title}<br/>{topic.first.text}</div>'
        f'<span class="tgme_widget_message_views">{topic.id}K</span>'
        f'<a class="tgme_widget_message_date"><time datetime="{iso_time(topic.first.at)}"></time></a>'
        "</div>"
    )


# --- Pastebin's scraping API


def pastebin(content: Content, asked: Asked, url: str) -> Answer | None:
    if asked.path == "/api_scraping.php":
        newest = sorted(content.topics, key=lambda topic: topic.first.at, reverse=True)
        return json_answer([_pastebin_row(topic) for topic in newest[: number_in_query(asked, "limit", 50)]])
    if asked.path != "/api_scrape_item.php":
        return None
    topic = content.topic(int(asked.query["i"].removeprefix("Paste")))
    text = topic.first.text if topic else "Error, we cannot find this paste."
    return Answer(text.encode(), content_type="text/plain; charset=utf-8")


def _pastebin_row(topic: Topic) -> dict[str, Any]:
    return {
        "scrape_url": f"https://scrape.pastebin.com/api_scrape_item.php?i=Paste{topic.id}",
        "full_url": f"https://pastebin.com/Paste{topic.id}",
        "date": str(int(topic.first.at.timestamp())),
        "key": f"Paste{topic.id}",
        "size": str(len(topic.first.text)),
        "expire": "0",
        "title": topic.title,
        "syntax": "text",
        "user": topic.first.author,
    }


# --- GitHub Gists


def gists(content: Content, asked: Asked, url: str) -> Answer | None:
    if asked.path == "/gists/public":
        page, size = number_in_query(asked, "page", 1), number_in_query(asked, "per_page", 30)
        return json_answer(
            [_gist_row(topic, url) for topic in content.by_change()[(page - 1) * size : page * size]]
        )
    if asked.path.startswith("/gists/a"):
        topic = content.topic(int(asked.path.removeprefix("/gists/a")))
        return json_answer(_gist_row(topic, url)) if topic else None
    if not asked.path.startswith("/raw/"):
        return None
    topic = content.topic(int(asked.path.split("/")[2]))
    return Answer(topic.first.text.encode(), content_type="text/plain; charset=utf-8") if topic else None


def _gist_row(topic: Topic, url: str) -> dict[str, Any]:
    def file(name: str, kind: str) -> dict[str, Any]:
        raw = f"{url}/raw/{topic.id}/{topic.first.edits}/{name}"
        return {"filename": name, "type": kind, "raw_url": raw, "size": 5_000_000}

    return {
        "id": f"a{topic.id:031}",
        "html_url": f"https://gist.github.com/a{topic.id:031}",
        "description": topic.title,
        "created_at": iso_time(topic.first.at, ending="Z"),
        "updated_at": iso_time(topic.changed, ending="Z"),
        "owner": {"login": topic.first.author},
        "comments": 3,
        "files": {
            "list.txt": file("list.txt", "text/plain"),
            "all.zip": file("all.zip", "application/zip"),
            "scan.png": file("scan.png", "image/png"),
        },
    }


# --- RansomLook and ransomware.live


def ransomlook(content: Content, asked: Asked, url: str) -> Answer | None:
    newest = sorted(content.topics, key=lambda topic: topic.first.at, reverse=True)
    if asked.path.startswith("/api/recent/"):
        return json_answer([_ransomlook_post(topic) for topic in newest[:20]])
    if not asked.path.startswith("/api/posts/"):
        return None
    month = asked.path.removeprefix("/api/posts/").replace("/", "-")
    rows = [_ransomlook_post(topic) for topic in newest]
    return json_answer([row for row in rows if row["discovered"].startswith(month)])


def _ransomlook_post(topic: Topic) -> dict[str, Any]:
    return {
        "post_title": topic.title,
        "discovered": topic.first.at.strftime("%Y-%m-%d %H:%M:%S.000123"),
        "description": topic.first.text,
        "link": f"/post/{topic.id}",
        "magnet": None,
        "screen": f"screenshots/{topic.id}.png",
        "group_name": topic.first.author,
    }


def ransomware_live(content: Content, asked: Asked, url: str) -> Answer | None:
    if asked.path != "/v2/recentvictims":
        return None
    newest = sorted(content.topics, key=lambda topic: topic.first.at, reverse=True)
    return json_answer([_ransomware_live_victim(topic) for topic in newest[:100]])


def _ransomware_live_victim(topic: Topic) -> dict[str, Any]:
    return {
        "victim": topic.title,
        "group": topic.first.author,
        "attackdate": topic.first.at.strftime("%Y-%m-%d %H:%M:%S"),
        "discovered": (topic.first.at + timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "description": topic.first.text,
        "domain": f"lender-{topic.id}.example",
        "country": "CN",
        "activity": "Financial Services",
        "claim_url": f"https://blog.example/{topic.id}",
    }


PROGRAMS: Mapping[str, Program] = {
    program.__name__: program
    for program in (
        flarum, nodebb, discourse, wordpress, telegram, pastebin, gists, ransomlook, ransomware_live,
    )
}  # fmt: skip
#: The path of each program's start.
STARTS: Mapping[str, str] = {
    "telegram": "/leaks",
    "pastebin": "/api_scraping.php?limit=250",
    "gists": "/gists/public",
    "ransomware_live": "/v2/recentvictims",
}
