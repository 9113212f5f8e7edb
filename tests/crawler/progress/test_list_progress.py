"""How far a source's lists are read: the rules, without a site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.progress.list_progress import GIVEN_UP, ORDER_UNKNOWN, ListRow, PageDecision, SourceProgress
from matching.masks import mask_url
from storage.listings import KnownListing

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)
START = "https://market.example/offers"


def reading(
    cursor: Mapping[str, Any] | None = None,
    *,
    definition: str = "one",
    now: datetime = NOW,
    any_order: bool = False,
) -> SourceProgress:
    fresh = SourceProgress(
        cursor or {}, definition=definition, now=now, mask_url=mask_url, any_order=any_order
    )
    fresh.begin_list(START)
    return fresh


def known(
    *keys: str, since: datetime = EARLIER, digest: str = "same", gone: bool = False
) -> dict[str, KnownListing]:
    return {key: KnownListing(digest, since, since, gone) for key in keys}


def turn(
    subject: SourceProgress,
    number: int,
    keys: str,
    stored: Mapping[str, KnownListing],
    *,
    following: int | None = None,
    end: bool = False,
    whole: bool = True,
    total: int | None = None,
    kind: str = "list",
    nowhere: bool = False,
    newest_first: bool = False,
) -> PageDecision:
    """One list page whose rows are the letters of `keys`."""
    return subject.add_page(
        START,
        START if number == 1 else f"{START}?page={number}",
        [ListRow(key, "same") for key in keys],
        stored,
        next_url=f"{START}?page={following}" if following else None,
        end=end,
        whole=whole,
        total=total,
        kind=kind,
        nowhere=nowhere,
        newest_first=newest_first,
    )


def test_a_page_of_known_rows_is_the_last_one_read() -> None:
    """If all rows are known and settled, nothing is followed and no further page is requested."""
    assert turn(reading(), 1, "ab", known("a", "b"), following=2) == PageDecision(frozenset(), None)


def test_a_page_with_something_new_is_followed_by_the_next() -> None:
    """Only the new row is followed, and the page after it is read."""
    assert turn(reading(), 1, "ab", known("b"), following=2) == PageDecision(
        frozenset("a"), f"{START}?page=2"
    )


def test_a_changed_row_and_a_returned_one_are_followed() -> None:
    """A row with another digest, or of a listing that was gone, is followed like a new one."""
    stored = known("a", digest="other") | known("b", gone=True) | known("c")

    assert turn(reading(), 1, "abc", stored, following=2) == PageDecision(frozenset("ab"), f"{START}?page=2")


def test_a_listing_whose_page_failed_is_tried_again_without_turning_pages_for_it() -> None:
    """An empty stored digest is wanted but is not news: a page that always fails must not make a run read the
    whole site.
    """
    assert turn(reading(), 1, "ab", known("a", digest="") | known("b"), following=2) == PageDecision(
        frozenset("a"), None
    )


def test_a_listing_that_is_gone_while_its_row_stays_is_looked_at_and_is_no_news() -> None:
    """Forums keep the rows of deleted threads: their pages are requested, but no further list page is."""
    stored = known("a", digest="", gone=True) | known("b")

    assert turn(reading(), 1, "ab", stored, following=2) == PageDecision(frozenset("a"), None)


def test_what_an_unfinished_run_has_read_is_known_but_not_settled() -> None:
    """The cursor holds the moment when the run began; rows first seen since then do not end the reading."""
    killed = reading(now=EARLIER).opening_cursor()
    subject = reading(killed)

    first = turn(subject, 1, "ab", known("a", "b", since=EARLIER + timedelta(minutes=1)), following=2)
    second = turn(subject, 2, "cd", known("c", "d", since=EARLIER - timedelta(days=9)), following=3)

    assert (first.next_url, second.next_url) == (f"{START}?page=2", None)


def test_a_budget_that_ended_is_resumed_where_it_ended() -> None:
    """The next run reads the first page, and goes on at the page with something unread."""
    before = reading(now=EARLIER)
    turn(before, 1, "ab", {}, following=2)
    turn(before, 2, "cd", {}, following=3)
    before.mark_unread(START, f"{START}?page=2")
    before.mark_unread(START, f"{START}?page=3")
    subject = reading(before.closing_cursor())

    again = turn(subject, 1, "ab", known("a", "b", since=EARLIER + timedelta(minutes=1)), following=7)

    assert again.next_url == f"{START}?page=2"


def test_a_saved_page_that_is_no_page_any_more_is_forgotten() -> None:
    """URLs expire: after a 4xx for it, the next run follows the links from the first page; after a temporary
    failure it tries the saved page again.
    """
    saved = reading(now=EARLIER)
    saved.mark_unread(START, f"{START}?session=7")
    seen = known("a", "b", since=EARLIER + timedelta(minutes=1))

    def after(*, permanent: bool) -> PageDecision:
        failing = reading(saved.closing_cursor())
        jump = turn(failing, 1, "ab", seen, following=2)
        failing.mark_broken(START, jump.next_url or "", permanent=permanent)
        return turn(reading(failing.closing_cursor()), 1, "ab", seen, following=2)

    assert after(permanent=True).next_url == f"{START}?page=2"
    assert after(permanent=False).next_url == f"{START}?session=7"


def test_a_complete_reading_leaves_no_mark() -> None:
    """Nothing is unfinished, so the next run stops at what is known."""
    subject = reading(reading(now=EARLIER).opening_cursor())
    turn(subject, 1, "a", {}, end=True)

    assert "unfinished" not in subject.closing_cursor()


def test_a_list_page_that_failed_keeps_the_reading_unfinished() -> None:
    """What is behind the page has not been read, although nothing of it is known."""
    subject = reading()
    turn(subject, 1, "a", {}, following=2)
    subject.mark_broken(START, f"{START}?page=2", permanent=True)

    assert subject.closing_cursor()["unfinished"]["resume"] == {START: f"{START}?page=2"}
    assert not subject.has_read_everything()


def test_only_a_list_read_from_its_first_page_to_its_last_says_what_is_gone() -> None:
    """Stopping at known rows, or passing over pages, says nothing about rows that were not seen."""
    whole, stopped = reading(), reading()
    turn(whole, 1, "a", {}, following=2)
    turn(whole, 2, "b", known("b"), end=True)
    turn(stopped, 1, "a", known("a"), following=2)

    assert (whole.has_read_everything(), stopped.has_read_everything()) == (True, False)


def test_a_list_of_which_a_row_was_left_out_says_nothing_about_what_is_gone() -> None:
    """Also if the row was left out of an earlier page than the last."""
    subject = reading()
    turn(subject, 1, "a", {}, following=2, whole=False)
    turn(subject, 2, "b", known("b"), end=True)

    assert not subject.has_read_everything()


def test_a_next_page_that_leads_nowhere_is_remembered() -> None:
    """Also over visits to which the site answers "not modified"; until the first page names a real one."""
    subject = reading()
    turn(subject, 1, "ab", {}, nowhere=True)
    unmodified = reading(subject.closing_cursor())
    repaired = reading(unmodified.closing_cursor())
    turn(repaired, 1, "ab", known("a", "b"), following=2)

    assert [each.lists_without_next for each in (subject, unmodified, repaired)] == [1, 1, 0]
    assert not subject.has_read_everything()


def test_a_next_page_that_leads_nowhere_behind_others_is_the_end() -> None:
    """Many sites write `#` on their last page."""
    subject = reading()
    turn(subject, 1, "ab", {}, following=2)
    turn(subject, 2, "cd", {}, nowhere=True)

    assert (subject.lists_without_next, subject.has_read_everything()) == (0, True)


def test_everything_was_shown_although_the_lists_have_no_end() -> None:
    """A list of the newest hundred shows what it shows; one that was left at known rows does not."""
    newest, left = reading(), reading()
    turn(newest, 1, "ab", {})
    turn(left, 1, "ab", known("a", "b"), following=2)

    assert (newest.shown_since(), newest.whole_since(), left.shown_since()) == (NOW, None, None)


def test_rows_are_followed_again_after_a_change_of_the_selectors() -> None:
    """Once each, whenever a list page shows them; the first reading under any selectors changes nothing."""

    def begun(cursor: Mapping[str, Any], selectors: str, now: datetime) -> SourceProgress:
        subject = SourceProgress(cursor, definition=selectors, now=now, mask_url=mask_url, reading=selectors)
        subject.begin_list(START)
        return subject

    first = begun({}, "old", EARLIER)
    second = begun(first.closing_cursor(), "new", NOW)
    third = begun(second.closing_cursor(), "new", NOW + timedelta(days=1))
    stored = {
        key: KnownListing("same", EARLIER, EARLIER, False, checked)
        for key, checked in (("a", EARLIER), ("b", NOW + timedelta(hours=1)))
    }

    assert (first.reading_since, second.reading_since, third.reading_since) == (None, NOW, NOW)
    assert turn(third, 1, "ab", stored).wanted_keys == {"a"}


def test_a_list_whose_pages_are_counted_up_ends_before_a_missing_page() -> None:
    """If the page before is shorter than the first one; else the missing page is a failure."""
    shorter, full = reading(), reading()
    for subject, keys in ((shorter, "c"), (full, "cd")):
        turn(subject, 1, "ab", {}, following=2)
        turn(subject, 2, keys, {}, following=3)

    ends = [each.end_before(START, f"{START}?page=3", again=False) for each in (shorter, full)]

    assert ends == [True, False]
    assert (shorter.has_read_everything(), full.has_read_everything()) == (True, False)
    assert not shorter.end_before(START, START, again=False)


def test_no_identifier_enters_the_cursor() -> None:
    """A URL or validator with an identifier is left out; the next run reads a few pages more."""
    number = "13800138000"  # synthetic
    stopped, complete = reading(), reading()
    stopped.mark_unread(START, f"{START}?after={number}")
    complete.remember_validators(START, f'"{number}"', "Sun, 01 Mar 2026 12:00:00 GMT")
    turn(complete, 1, "a", {}, end=True)

    assert stopped.closing_cursor()["unfinished"]["resume"] == {}
    assert complete.closing_cursor()["validators"] == {
        START: {"last_modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    }


def test_pages_that_the_site_admits_to_are_counted_exactly() -> None:
    """With ten pages stated, one read and one beyond the budget, eight more are unread."""
    subject = reading()
    turn(subject, 1, "a", {}, following=2, total=10)
    subject.mark_unread(START, f"{START}?page=2")

    assert subject.count_pages_beyond() == 8


def test_validators_are_sent_back_once_everything_was_read() -> None:
    """Not after an interruption or under another definition: a 304 would hide what was never read."""
    complete = reading()
    turn(complete, 1, "a", {}, end=True)
    complete.remember_validators(START, '"tag"', None)
    cursor = complete.closing_cursor()
    interrupted = reading(cursor).opening_cursor()

    assert reading(cursor).request_conditions(START) == {"If-None-Match": '"tag"'}
    assert reading(interrupted).request_conditions(START) == {}
    assert reading(cursor, definition="two").request_conditions(START) == {}


def test_pages_that_show_the_same_listings_are_turned_no_further() -> None:
    """Three equal pages are a trap: the reading is complete, and says why it stopped."""
    subject = reading()
    turns = [turn(subject, number, "abc", {}, following=number + 1) for number in (1, 2, 3)]

    assert [each.next_url is None for each in turns] == [False, False, True]
    assert "showed the same listings" in (subject.trap or "")
    assert "unfinished" not in subject.closing_cursor()


def test_a_page_that_repeats_half_of_the_last_one_is_no_trap() -> None:
    """Lists move while they are read: rows pushed to the next page appear again."""
    subject = reading()
    pages = enumerate(("ab", "bc", "cd"), 1)
    turns = [turn(subject, number, keys, {}, following=number + 1) for number, keys in pages]

    assert [each.next_url is None for each in turns] == [False, False, False]
    assert subject.trap is None


def test_a_list_behind_a_feed_repeats_nothing() -> None:
    """The feed shows fifty entries, the list twenty per page: its first pages repeat the feed."""
    subject = reading()
    turns = [
        turn(subject, number, keys, {}, following=number + 1, kind=kind)
        for number, (keys, kind) in enumerate(
            [("abcdef", "feed"), ("ab", "list"), ("cd", "list"), ("ef", "list")], 1
        )
    ]

    assert None not in [each.next_url for each in turns]


def test_pages_in_a_circle_are_read_once() -> None:
    """A next page that has already been read ends the list, and the run reports it."""
    subject = reading()
    turn(subject, 1, "ab", {}, following=2)
    turn(subject, 2, "cd", {}, following=3)
    last = turn(subject, 3, "ef", {}, following=2)

    assert (last.next_url, "had already been read" in (subject.trap or "")) == (None, True)


def test_a_list_without_an_end_is_given_up_over_several_visits() -> None:
    """The pages of all runs count: each run goes on where the last one ended, until there are too many."""
    cursor: Mapping[str, Any] = {}
    for visit in range(3):
        subject = SourceProgress(cursor, definition="one", now=NOW, mask_url=mask_url, depth=5)
        subject.begin_list(START)
        first = visit * 2 + 1
        turn(subject, first, "abc"[visit], {}, following=first + 1)
        turn(subject, first + 1, "xyz"[visit], {}, following=first + 2)
        if subject.trap is None:
            subject.mark_unread(START, f"{START}?page={first + 2}")
        cursor = subject.closing_cursor()

    assert "did not end within 5 pages" in (subject.trap or "")
    assert "unfinished" not in cursor
    later, ended, other = reading(cursor), reading(cursor), reading(cursor, definition="two")
    turn(later, 1, "a", known("a"), following=2)
    turn(ended, 1, "a", known("a"), end=True)
    assert [each.closing_cursor().get(GIVEN_UP) for each in (later, ended, other)] == [[START], None, None]


def test_what_was_shown_whole_is_remembered_for_the_next_reading() -> None:
    """Also beyond a reading that was not complete, but not under another definition."""
    before = reading(now=EARLIER)
    before.confirm_whole(EARLIER)
    kept = reading(reading(before.closing_cursor()).closing_cursor())
    other = reading(before.closing_cursor(), definition="two")

    assert (kept.whole_before, other.whole_before) == (EARLIER, None)


def pages_of(rows: str) -> dict[int, str]:
    """A list with two rows per page."""
    return {number: rows[2 * (number - 1) : 2 * number] for number in range(1, len(rows) // 2 + 2)}


def visits(
    rows: str, cursor: Mapping[str, Any], seen: dict[str, KnownListing], *, budget: int
) -> SourceProgress:
    """One run through a list within its budget; the rows that it reads are known afterwards."""
    shown, subject = pages_of(rows), reading(cursor)
    number: int | None = 1
    for _ in range(budget):
        assert number is not None
        following = number + 1 if shown.get(number + 1) else None
        step = turn(subject, number, shown[number], dict(seen), following=following, end=following is None)
        seen |= known(*(key for key in shown[number] if key not in seen), since=NOW + timedelta(minutes=1))
        if step.next_url is None:
            return subject
        number = int(step.next_url.rpartition("=")[2])
    subject.mark_unread(START, f"{START}?page={number}")
    return subject


def test_what_is_deleted_between_two_visits_hides_nothing() -> None:
    """The rest of the list moves up, and the run that goes on reads the last page again."""
    seen: dict[str, KnownListing] = {}
    first = visits("abcdefghijkl", {}, seen, budget=4)
    second = visits("cdefghijkl", first.closing_cursor(), seen, budget=9)

    assert "".join(sorted(seen)) == "abcdefghijkl"
    assert "unfinished" not in second.closing_cursor()


def test_what_is_new_between_two_visits_hides_nothing() -> None:
    """The rest of the list moves down; both the new rows and the old ones are read."""
    seen: dict[str, KnownListing] = {}
    first = visits("abcdefghijkl", {}, seen, budget=4)
    visits("uvwxyzabcdefghijkl", first.closing_cursor(), seen, budget=9)

    assert "".join(sorted(seen)) == "abcdefghijkluvwxyz"


def test_a_budget_of_two_pages_gets_through_in_the_end() -> None:
    """Reading a page again never costs the whole budget, run after run."""
    seen: dict[str, KnownListing] = {}
    cursor: Mapping[str, Any] = {}
    for _ in range(10):
        cursor = visits("abcdefghijkl", cursor, seen, budget=2).closing_cursor()

    assert len(seen) == 12


def test_the_cursor_says_that_new_listings_may_stand_behind_the_first_page() -> None:
    """It says so of a list that was left at known rows, until its dates fall or it is read to its end."""
    unordered, ordered, short = (reading(any_order=True) for _ in range(3))
    turn(unordered, 1, "ab", known("a", "b"), following=2)
    turn(ordered, 1, "ab", known("a", "b"), following=2, newest_first=True)
    turn(short, 1, "ab", known("a", "b"), end=True)
    cursor = unordered.opening_cursor()
    unchanged, later = (reading(cursor, any_order=True) for _ in range(2))
    turn(later, 1, "ab", known("a", "b"), following=2, newest_first=True)

    said = [
        each.opening_cursor().get(ORDER_UNKNOWN) for each in (unordered, ordered, short, unchanged, later)
    ]

    assert said == [[START], None, None, [START], None]
