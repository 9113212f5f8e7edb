"""Postings that must not cause an alert: they name no watched company and contain no enrolled customer.

Two of them test precision: `antiquillmereism` contains a watch term inside a longer word, and 榆塘水库 is a
reservoir that the company's definition excludes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from demo.people import americans, combo, mainlanders
from demo.postings import Posting, SiteSection

# Customers have numbers below 1,000 (story.py), so these strangers share no identifier with them.
_STRANGERS = 1_000

_OFFERS = (
    ("Northgale Hotels guest list", "ravine", "$900.00", "310k records"),
    ("Combo list, mixed mail providers", "tin_whistle", "0.004 BTC", "4.2M records"),
    ("Bluepine Pharmacy orders 2025", "kestrel77", "$1,250.00", "88,000 records"),
    ("Essay: a short history of antiquillmereism", "pamphlet", "$5.00", "1 record"),
    ("Oakrun Fitness member export", "ravine", "€700.00", "142k records"),
    ("Harbour Lane Books accounts", "dusk_post", "$300.00", "52,410 records"),
    ("Ferrous Freight driver roster", "kestrel77", "1.5 XMR", "9,300 records"),
    ("Palegate University alumni", "oldpaper", "$2,000.00", "1.1M records"),
    ("Thistle Telecom prepaid list", "tin_whistle", "$1,100.00", "640k records"),
    ("Mapleworks tax forms (scans index)", "dusk_post", "$450.00", "12k records"),
)
_LOGS = (
    ("Stealer logs, week 14", "cinder", "60 USD", "3,100"),
    ("Stealer logs, week 15", "cinder", "60 USD", "2,950"),
    ("Cookies, assorted shops", "mothwing", "45 USD", "18,000"),
    ("Access: print shop panel", "lowtide", "250 USD", "1"),
    ("Stealer logs, week 16", "cinder", "65 USD", "3,400"),
    ("Access: parcel locker admin", "lowtide", "400 USD", "1"),
    ("Cookies, travel sites", "mothwing", "40 USD", "11,500"),
)
_NEWS = (
    ("Vendor rules, spring edition", "Samples are limited to twenty rows."),
    ("Mirror list updated", "The old address stays up until Sunday."),
    ("Escrow is slow today", "Two arbiters are away; expect a day."),
)
_THREADS = (
    ("出售星桐商城订单数据 50万条", "夜行人", "800 USDT", "50万条"),
    ("求购物流面单 长期收", "老周", "", ""),
    ("榆塘水库周末钓鱼有人去吗", "钓鱼佬", "", ""),
    ("出售某教育机构学员名单 12w", "晚风", "300 USDT", "12w"),
    ("新人报到", "小满", "", ""),
    ("出售栖云酒店入住记录 8.6万条", "夜行人", "500 USDT", "8.6万条"),
    ("版规更新：样本不得超过二十行", "管理员", "", ""),
    ("出售岚光健身会员 3000条", "晚风", "120 USDT", "3000条"),
)
_PASTES = (
    ("nginx config that finally works", "server {\n    listen 8080;\n    root /srv/practice;\n}"),
    ("todo", "- water the plants\n- rotate the keys\n- 读完那本书"),
    ("untitled", combo(americans(6, start=_STRANGERS, domain="stranger.example"))),
    ("poem", "The lantern by the market gate\nburns low for those who read it late."),
    ("名单", combo(mainlanders(5, start=_STRANGERS, domain="luren.example"))),
)


def background_postings() -> tuple[Posting, ...]:
    """Return everything on the sites before the story begins, oldest first."""
    return (*_offers(), *_logs(), *_news(), *_threads(), *_pastes())


def _offers() -> Iterator[Posting]:
    for number, (title, seller, price, records) in enumerate(_OFFERS):
        strangers = combo(americans(2, start=_STRANGERS + 10 + 2 * number, domain="stranger.example"))
        body = f"{title}. {records.capitalize()}, sold once. Escrow accepted. Two rows below."
        yield Posting(
            SiteSection.OFFERS,
            str(1001 + number),
            title,
            body,
            seller,
            price,
            records,
            strangers,
            age=_age(number),
        )


def _logs() -> Iterator[Posting]:
    for number, (title, seller, price, records) in enumerate(_LOGS):
        body = f"{title}; count {records}. Fresh, unsorted, no refunds."
        yield Posting(
            SiteSection.LOGS, str(501 + number), title, body, seller, price, records, age=_age(number)
        )


def _news() -> Iterator[Posting]:
    for number, (title, body) in enumerate(_NEWS):
        yield Posting(SiteSection.NEWS, str(31 + number), title, body, "Lantern staff", age=_age(number))


def _threads() -> Iterator[Posting]:
    for number, (title, seller, price, records) in enumerate(_THREADS):
        body = f"{title}。支持担保交易，非诚勿扰。" if price else f"{title}。大家随便聊聊。"
        yield Posting(
            SiteSection.THREADS, str(2001 + number), title, body, seller, price, records, age=_age(number)
        )


def _pastes() -> Iterator[Posting]:
    for number, (title, body) in enumerate(_PASTES):
        yield Posting(SiteSection.PASTES, f"pr{number:04x}", title, body, age=_age(number))


def _age(number: int) -> timedelta:
    return timedelta(days=12 - number, minutes=7 * number)
