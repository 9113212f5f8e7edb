"""From what a page's author wrote to values: text, prices, claimed counts, dates.

Everything here is pure and takes hostile text: each cleaner bounds what it looks at, and says `None` rather
than choose between two readings.
"""

from crawler.clean.count import claimed_count
from crawler.clean.date import Clock, PostedTime, moment
from crawler.clean.price import price
from crawler.clean.text import block, line

__all__ = ["Clock", "PostedTime", "block", "claimed_count", "line", "moment", "price"]
