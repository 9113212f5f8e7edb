"""One invented board with threads, posts and authors. Everything is synthetic; no name is a person's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

BEGIN = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
THREADS = 45
THREADS_A_PAGE = 15
POSTS_A_PAGE = 10
#: Threads: one whose replies fill three pages, a sticky one, one that moved to another board, one for
#: members.
LONG, STICKY, MOVED, LOCKED = 7, 3, 11, 20
SAMPLE = "id,name,city\n1,A. Lamp,Northwind\n2,B. Shade,Southwind"


@dataclass
class Post:
    """One post. `text` is plain text; the markup around it comes from the program's template."""

    id: int
    author: str
    posted: datetime
    text: str
    quote: str = ""
    code: str = ""
    edited: datetime | None = None
    locked: bool = False


@dataclass
class Thread:
    """One thread. `cost` and `rank` are the price and the rank for reading it, in programs that have them."""

    id: int
    title: str
    prefix: str = ""
    posts: list[Post] = field(default_factory=list)
    sticky: bool = False
    moved: bool = False
    cost: int = 0
    rank: int = 0

    @property
    def first(self) -> Post:
        return self.posts[0]

    @property
    def last(self) -> Post:
        return self.posts[-1]

    @property
    def replies(self) -> int:
        return len(self.posts) - 1

    def page(self, number: int) -> list[Post]:
        return self.posts[(number - 1) * POSTS_A_PAGE : number * POSTS_A_PAGE]

    @property
    def pages(self) -> int:
        return -(-len(self.posts) // POSTS_A_PAGE)


class Board:
    """The threads, newest post first. Tests add posts between runs."""

    def __init__(self, *, chinese: bool = False) -> None:
        self.chinese = chinese
        self.threads: dict[int, Thread] = {}
        self._ids = count(1001)
        for number in range(1, THREADS + 1):
            self._fill(number)

    def _fill(self, number: int) -> None:
        thread = self.open(number, at=BEGIN + timedelta(hours=number))
        thread.sticky, thread.moved = number == STICKY, number == MOVED
        thread.cost = 30 if number % 5 == 0 else 0
        thread.first.code = SAMPLE if number % 4 == 0 else ""
        thread.first.locked = number == LOCKED
        for reply in range(24 if number == LONG else number % 3):
            quote = thread.first.text if reply % 2 else ""
            self.reply(thread, at=thread.first.posted + timedelta(minutes=reply + 1), quote=quote)

    def open(self, number: int, *, at: datetime) -> Thread:
        """Add a thread of a seller."""
        names = ("北风灯具客户名单{0} {0}千条", "Customer list {0} of Northwind Lamps, {0},000 records")
        price = f" ${100 + number}" if number % 3 == 0 else ""
        words = "新鲜的数据 {0}，不议价。" if self.chinese else "Fresh data {0}, no haggling."
        first = Post(next(self._ids), f"seller{number % 6}", at, words.format(number))
        title = names[not self.chinese].format(number) + price
        prefix = ("出售" if self.chinese else "Selling") if number % 2 else ""
        self.threads[number] = Thread(number, title, prefix, [first])
        return self.threads[number]

    def reply(self, thread: Thread, *, at: datetime, quote: str = "") -> Post:
        number = len(thread.posts)
        words = "回复 {0}：第 {1} 条" if self.chinese else "Answer {1} to offer {0}"
        post = Post(next(self._ids), f"buyer{number % 4}", at, words.format(thread.id, number), quote)
        thread.posts.append(post)
        return post

    @property
    def order(self) -> list[Thread]:
        return sorted(self.threads.values(), key=lambda each: (each.sticky, each.last.posted), reverse=True)

    def page(self, number: int) -> list[Thread]:
        return self.order[(number - 1) * THREADS_A_PAGE : number * THREADS_A_PAGE]

    @property
    def pages(self) -> int:
        return -(-len(self.threads) // THREADS_A_PAGE)
