"""Links that change something at the site, and ordinary ones that only sound like it."""

from __future__ import annotations

import pytest

from crawler.errors import StateLinkRefused
from crawler.fetching.guard import Guard
from crawler.fetching.state_links import changes_state

SITE = "https://board.example"


@pytest.mark.parametrize(
    "path",
    [
        "/logout",
        "/Logout/",
        "/account/logout",
        "/logout.php",
        "/forum/logout",
        "/log-out",
        "/sign_out?next=/",
        "/users/sign_out",
        "/logout/1755/0f3a",
        "/logout;jsessionid=77",
        "/%6Cogout",
        "/index.php/logout",
        "/wp-login.php?action=logout&_wpnonce=1",
        "/member.php?action=logout&logoutkey=77",
        "/ucp.php?mode=logout&sid=77",
        "/login.php?do=logout",
        "/index.php?action=logout;sesc=77",
        "/index.php?logout=1",
        "/?logout",
        "/index.php?route=account/logout",
        "/?q=user/logout",
        "/?page=logout",
        "/w/index.php?title=Special:UserLogout&action=logout",
        "/threads/5/delete",
        "/delete/5",
        "/posts/delete?id=5",
        "/posts/delete/5",
        "/post/5/report",
        "/threads/9/post",
        "/vote/up/5",
        "/posts/12/vote?value=1",
        "/offer/5/buy",
        "/buy.php?item=5",
        "/cart/add/5",
        "/cart.php?add=5",
        "/?add-to-cart=12",
        "/index.php?action=delete&id=5",
        "/index.php?action=delete_post&id=5",
        "/index.php?act=report&post=3",
        "/forum.php?mod=post&action=reply&tid=5",
        "/index.php?action=vote;poll=4",
        "/shop?do=addtocart&id=3",
        "/report.php?pid=4",
        "/item/5/checkout",
    ],
)
def test_a_link_that_changes_something_is_never_requested(path: str) -> None:
    """Sessions that end, votes, purchases, deletions and reports, as a path or as a parameter."""
    assert changes_state(f"{SITE}{path}")
    with pytest.raises(StateLinkRefused):
        Guard().check_request("GET", f"{SITE}{path}")


@pytest.mark.parametrize(
    "path",
    [
        "/threads/forced-logout-in-the-app.6/",
        "/threads/logout.7/",
        "/threads/logout/",
        "/t/logout/123",
        "/t/delete/123",
        "/d/12-logout",
        "/tag/vote",
        "/wiki/Logout",
        "/search?q=logout",
        "/search.php?keywords=delete",
        "/viewtopic.php?t=5&title=logout",
        "/topic/12-how-to-delete-my-account",
        "/showthread.php?tid=5",
        "/showthread.php?tid=5&pid=7#post7",
        "/post/12",
        "/post/bank-base-2026",
        "/posts/12",
        "/p/logout-page-leaked",
        "/report/2026",
        "/report/acme-leak",
        "/reports/acme",
        "/buyers/5",
        "/deleted/5",
        "/forum.php?mod=viewthread&tid=5",
        "/index.php?action=printpage;topic=5",
        "/index.php?action=profile;u=5",
        "/index.php?page=post&id=5",
        "/viewforum.php?f=5&sort=vote",
        "/list?type=buy",
        "/list?order=desc",
        "/market/carts-of-data",
        "/login?return=/account/logout",
        "/login?next=logout",
        "/index.php?route=product/product&product_id=5",
        "/postings/5",
        "/",
        "/?p=12",
        "/?post=12",
        "/votes-of-a-parliament.html",
        "/members/signout-joe.12/",
        "/2026/03/delete-act-passed/",
    ],
)
def test_a_title_that_speaks_of_an_action_is_read(path: str) -> None:
    """A thread about a logout, a tag, a search, a post by its number, a report by its name."""
    assert not changes_state(f"{SITE}{path}")
    Guard().check_request("GET", f"{SITE}{path}")


def test_a_verb_in_the_source_s_own_address_is_meant() -> None:
    """A market whose lists are at `/buy/` is read, and still nobody is logged out of it."""
    guard = Guard.of([], named=[f"{SITE}/buy/?action=report"])

    guard.check_request("GET", f"{SITE}/buy/5")
    guard.check_request("GET", f"{SITE}/index.php?action=report&id=5")
    for path in ("/buy/5/vote", "/logout"):
        with pytest.raises(StateLinkRefused):
            guard.check_request("GET", f"{SITE}{path}")
