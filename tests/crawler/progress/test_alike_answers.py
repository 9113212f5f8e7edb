"""Pages with status 200 that say "not found", or show the same other page, instead of a known listing."""

from __future__ import annotations

from crawler.progress.alike_answers import MAX_KEYS, MAX_KINDS, SAYS_MISSING, AlikeAnswers, answer_kind
from storage.listings import Life
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Offer, Site


def test_one_page_that_says_so_counts_and_others_only_together() -> None:
    """Three listings with the same unknown page are suspects; a listing whose page came again is none."""
    answers = AlikeAnswers({})
    answers.add(SAYS_MISSING, "a")
    for key in "bcd":
        answers.add("title", key)
    answers.add("other", "e")

    assert (sorted(answers.worded), sorted(answers.suspects)) == (["a"], ["a", "b", "c", "d"])

    kept = AlikeAnswers(answers.state())
    kept.settle("d")
    kept.settle("a")

    assert (kept.suspects, kept.state()) == (frozenset(), {"title": ["b", "c"], "other": ["e"]})


def test_one_listing_that_gets_the_answer_again_and_again_is_suspect() -> None:
    """Two deleted topics of a board that shows its index instead are found in their second visit."""
    answers = AlikeAnswers({})
    suspects = []
    for key in "aabaabbb":
        answers.add("board index", key)
        suspects.append("".join(sorted(answers.suspects)))

    assert suspects == ["", "", "ab", "ab", "ab", "ab", "ab", "ab"]
    assert answers.state() == {"board index": ["a", "a", "b", "a", "b", "b"]}

    answers.settle("a")

    assert answers.state() == {"board index": ["b", "b", "b"]}


def test_a_listing_has_its_last_answer() -> None:
    """A page that has learned to say that it is missing is counted once."""
    answers = AlikeAnswers({"title": ["a"]})

    answers.add(SAYS_MISSING, "a")

    assert answers.state() == {SAYS_MISSING: ["a"]}


def test_what_is_remembered_is_bounded() -> None:
    """A hostile site can answer each request with a new title."""
    answers = AlikeAnswers({})
    for number in range(3 * MAX_KEYS):
        answers.add("title", f"k{number}")
        answers.add(f"title {number}", f"m{number}")

    for _ in range(9):
        answers.add("title", "k0")

    assert len(answers.state()) == MAX_KINDS
    assert max(map(len, answers.state().values())) == MAX_KEYS


def test_titles_that_differ_in_a_number_are_alike() -> None:
    """Many sites repeat the number that was asked for."""
    kinds = [answer_kind(title, str) for title in ("Offer 17 | Market", "Offer 9001 | Market", "Market", " ")]

    assert kinds == ["offer market", "offer market", "market", None]


def test_listings_whose_pages_say_not_found_are_gone_when_no_list_shows_them(crawl: Runs, site: Site) -> None:
    """Neither the words nor the unknown page are edits. A listing that the list still shows stays."""
    site.offers = {str(number): Offer(f"Database number {number}") for number in range(12)}
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    missing = b"<title>Market</title><h1>Offer not found</h1><div class='description'>Sorry.</div>"
    site.answers |= {f"/offer/{key}": Answer(missing) for key in ("7", "8")}
    site.answers |= {f"/offer/{key}": Answer(b"<title>Market</title><p>Offers") for key in ("2", "9", "11")}
    for key in ("2", "8", "9", "11"):
        del site.offers[key]

    told, later = crawl.run(source), crawl.run(source)

    assert (told.outcome, told.reason, told.listings_changed) == (RunOutcome.NOTHING_NEW, "partly_read", 0)
    assert told.detail is not None
    assert "3 not_recognised" in told.detail
    assert "2 says_missing" in told.detail
    assert later.listings_changed == 0
    lives = {key: crawl.offer(key).life for key in ("2", "7", "8", "9", "10", "11")}
    assert lives == dict.fromkeys(lives, Life.GONE) | {"7": Life.NEW, "10": Life.NEW}
    assert {crawl.offer(key).title for key in ("7", "8")} == {"Database number 7", "Database number 8"}
