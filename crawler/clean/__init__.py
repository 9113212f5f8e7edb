"""Cleaners: from the words of a page's author to values: text, prices, claimed counts, dates.

All of them are pure functions for hostile text. Each one reads a limited length, and returns None rather than
choose between two readings.
"""

from crawler.clean.count import claimed_count
from crawler.clean.date import Clock, PostedTime, moment
from crawler.clean.price import price
from crawler.clean.text import block, line

__all__ = ["Clock", "PostedTime", "block", "claimed_count", "line", "moment", "price"]
