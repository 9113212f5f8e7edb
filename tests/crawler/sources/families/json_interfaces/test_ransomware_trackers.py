"""RansomLook and ransomware.live: which parts of their lists are read, and how certain their dates are."""

from __future__ import annotations

import pytest

from tests.crawler.sources.pages import family_adapter, json_page, single_listing

LOOK = "https://www.ransomlook.io/"
POST = {
    "post_title": "lender.example",
    "discovered": "2026-03-01 12:30:00.123456",
    "description": "A lender. <br/>900k records",
    "link": "/post/5",
    "magnet": None,
    "screen": "screenshots/a.png",
    "group_name": "synthetic group",
}
LIVE = "https://api.ransomware.live/v2/recentvictims"


@pytest.mark.parametrize(
    ("timezone", "at", "uncertain"),
    [(None, "2026-03-01 12:30:00+00:00", True), ("Europe/Paris", "2026-03-01 11:30:00+00:00", False)],
)
def test_a_date_is_certain_only_where_the_source_names_its_zone(
    timezone: str | None, at: str, uncertain: bool
) -> None:
    """RansomLook writes the local time of its server, so a date needs the time zone of the source."""
    listing = single_listing(
        family_adapter("ransomlook", LOOK, timezone=timezone).parse(
            json_page([POST], f"{LOOK}api/recent/200")
        )
    )

    assert (str(listing.posted_at), listing.posted_at_uncertain) == (at, uncertain)


def test_a_post_is_a_groups_and_its_titles() -> None:
    """The key is the group and the title, because RansomLook has no ids; relative links are dropped."""
    listing = single_listing(
        family_adapter("ransomlook", LOOK).parse(json_page([POST], f"{LOOK}api/recent/200"))
    )

    assert (listing.key, listing.seller) == ("synthetic group/lender.example", "synthetic group")
    assert listing.url == f"{LOOK}group/synthetic%20group"
    assert (listing.title, listing.body, listing.links) == ("lender.example", "A lender.\n900k records", ())


@pytest.mark.parametrize(
    ("path", "older"),
    [
        ("api/recent/200", "api/posts/2026/03"),
        ("api/recent", "api/posts/2026/03"),
        ("api/posts/2026/03", "api/posts/2026/02"),
        ("api/posts/2026/01", "api/posts/2025/12"),
        ("api/last/7", None),
        ("api/posts/period/2026-03-01/2026-03-05", None),
    ],
)
def test_behind_the_newest_posts_are_their_months(path: str, older: str | None) -> None:
    """The lists of newest posts continue month by month; other lists have no next page."""
    onward = family_adapter("ransomlook", LOOK).parse(json_page([POST], f"{LOOK}{path}")).next_page

    assert onward == (older and f"{LOOK}{older}")


def test_a_month_without_posts_is_where_it_began() -> None:
    """After a month without posts, no older one is requested."""
    parsed = family_adapter("ransomlook", LOOK).parse(json_page([], f"{LOOK}api/posts/2019/12"))

    assert (parsed.recognised, parsed.next_page) == (True, None)


def test_a_groups_own_list_has_the_group_before_its_posts() -> None:
    """The posts in the list of a group do not repeat its name, which comes from the address."""
    bare = {name: value for name, value in POST.items() if name != "group_name"}
    document = [{"locations": [], "meta": None}, [bare]]

    listing = single_listing(
        family_adapter("ransomlook", LOOK).parse(json_page(document, f"{LOOK}api/group/acme"))
    )

    assert listing.key == "acme/lender.example"


@pytest.mark.parametrize("document", [{}, [{"title": "x"}], [[], {}], "x"])
def test_another_shape_of_ransomlook_is_not_recognised(document: object) -> None:
    """A list of other objects is not an empty list of posts."""
    assert (
        not family_adapter("ransomlook", LOOK).parse(json_page(document, f"{LOOK}api/recent/200")).recognised
    )


VERSIONS = [
    {
        "victim": "lender.example",
        "group": "synthetic",
        "attackdate": "2026-03-01 12:30:00",
        "discovered": "2026-03-04 00:00:00",
        "domain": "lender.example",
        "claim_url": "https://blog.example/5",
    },
    {
        "post_title": "lender.example",
        "group_name": "synthetic",
        "published": "2026-03-01 12:30:00.000000",
        "discovered": "2026-03-04 00:00:00.000000",
        "website": "lender.example",
        "post_url": "https://blog.example/5",
    },
]


@pytest.mark.parametrize("row", VERSIONS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_version_of_the_api_says_the_same(row: dict[str, str], wrapped: bool) -> None:
    """The date is the one of the group, not the day of discovery; the API with a key wraps the list."""
    row = {**row, "description": "A lender.", "country": "CN"}
    document = {"victims": [row]} if wrapped else [row]

    listing = single_listing(family_adapter("ransomware_live", LIVE).parse(json_page(document, LIVE)))

    assert (listing.key, listing.title, listing.seller) == (
        "synthetic/lender.example",
        "lender.example",
        "synthetic",
    )
    assert listing.body == "A lender.\ndomain: lender.example\ncountry: CN"
    assert (listing.url, listing.links) == ("https://blog.example/5", ("https://blog.example/5",))
    assert (str(listing.posted_at), listing.posted_at_uncertain) == ("2026-03-01 12:30:00+00:00", True)


@pytest.mark.parametrize("document", [{}, {"error": "limit"}, [{"victim": "x"}]])
def test_another_shape_of_ransomware_live_is_not_recognised(document: object) -> None:
    """An error is not an empty list of victims."""
    assert not family_adapter("ransomware_live", LIVE).parse(json_page(document, LIVE)).recognised
