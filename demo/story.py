"""The demo's story, and the alerts that it must cause.

There are two invented lenders. Customers of Quillmere Credit appear on the marketplace with its name and,
later, on the paste site without it. Yutang Microcredit is only mentioned, in Chinese. Then the first offer
gets cheaper, is posted again by another seller, and is removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from demo.background_postings import background_postings
from demo.people import Customer, americans, combo, mainlanders
from demo.postings import Posting, SiteSection, Step

CUSTOMERS: dict[str, list[Customer]] = {
    "quillmere": americans(600, domain="inbox.example"),
    "yutang": mainlanders(400),
}

_OFFER = Posting(
    SiteSection.OFFERS,
    "1042",
    "1.2M US loan clients of Quillmere, full info",
    "Borrowers of quillmere.example, this spring: name, e-mail, phone, card. Five rows here, 20 in the file.",
    seller="greyheron",
    price="$4,500.00",
    records="1.2M records",
    sample=combo(CUSTOMERS["quillmere"][100:105]),
    attachment=combo(CUSTOMERS["quillmere"][200:220]),
)
_THREAD = Posting(
    SiteSection.THREADS,
    "2042",
    "出售榆塘小貸客戶資料 100万条",
    "一手货源，今年三月。联系方式见签名。支持担保交易。",
    seller="北窗",
    price="5000 USDT",
    records="100万条",
)
_PASTE = Posting(SiteSection.PASTES, "pr00ff", "fresh 8 lines", combo(CUSTOMERS["quillmere"][300:308]))
_CHEAPER = replace(_OFFER, price="$3,000.00")
_AGAIN = replace(_OFFER, key="1057", seller="second_hand", price="$2,800.00")
OPENING = Step(
    "the practice sites open; nothing on them concerns the two lenders", puts=background_postings()
)

STORY: tuple[Step, ...] = (
    OPENING,
    Step("marketplace: data of 1.2M clients of Quillmere Credit is offered for $4,500", puts=(_OFFER,)),
    Step("forum (Chinese, GBK): client records of 榆塘小贷 are for sale", puts=(_THREAD,)),
    Step("paste site: eight lines about people, without a company's name", puts=(_PASTE,)),
    Step("marketplace: the price of the Quillmere offer drops to $3,000", puts=(_CHEAPER,)),
    Step("marketplace: another seller posts the same offer", puts=(_AGAIN,)),
    Step("marketplace: the first offer is removed (410)", takes=(_CHEAPER,)),
)


def step_of(number: int) -> Step:
    """Return a step. After the story's end, each step adds an offer that concerns nobody."""
    if number < len(STORY):
        return STORY[number]
    title = f"Combo list, part {number - len(STORY) + 1}"
    offer = Posting(
        SiteSection.OFFERS, str(1100 + number), title, f"{title}.", "tin_whistle", "$20.00", "90k records"
    )
    return Step(f"marketplace: an offer that concerns neither lender ({title})", puts=(offer,))


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """A finding that must become exactly one alert, delivered on every channel."""

    company: str
    posting: Posting
    because: str


EXPECTED: tuple[ExpectedAlert, ...] = (
    ExpectedAlert("quillmere", _OFFER, "its name and twenty-five of its customers are on the marketplace"),
    ExpectedAlert("yutang", _THREAD, "its name is in a forum thread, in traditional characters"),
    ExpectedAlert("quillmere", _PASTE, "eight of its customers are in a paste that names no company"),
)
