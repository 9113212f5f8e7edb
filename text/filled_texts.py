"""Filling the values into a text: whole numbers with separators, and the word that fits a number."""

from __future__ import annotations


class _Count(int):
    """A number in a text: `{n}` is 1,234, and `{n:row|rows}` is "1,234 rows"."""

    def __format__(self, form: str) -> str:
        number = f"{int(self):,}"
        if not form:
            return number
        one, _, many = form.partition("|")
        return f"{number} {one if self == 1 else many or one}"


def filled(text: str, values: dict[str, object]) -> str:
    """Return a text with its values in the place of their names in braces; strings stay as they are."""
    return text.format(**{name: _Count(each) if type(each) is int else each for name, each in values.items()})
