"""Payment cards: issuers' prefixes and the check digit of Luhn."""

from collections.abc import Container

CARD_LENGTHS = range(13, 20)

# Issuer prefixes (ISO/IEC 7812), first to last, and the lengths of their cards.
ISSUERS: list[tuple[str, str, Container[int]]] = [
    ("4", "4", {13, 16, 19}),
    ("51", "55", {16}),
    ("2221", "2720", {16}),
    ("34", "34", {15}),
    ("37", "37", {15}),
    ("300", "305", {14, 16}),
    ("36", "36", {14, 16, 19}),
    ("38", "39", {14, 16, 19}),
    ("3528", "3589", range(16, 20)),
    ("2200", "2204", range(16, 20)),
    ("9558", "9559", {16, 18, 19}),
    ("9792", "9792", {16}),
    ("50", "50", range(13, 20)),
    ("56", "69", range(13, 20)),
    ("81", "82", range(16, 20)),
]
_LUHN_DOUBLE = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def card(value: str, _region: str = "") -> str | None:
    """13 to 19 digits of a known issuer that pass Luhn."""
    digits = value.replace(" ", "").replace("-", "")
    if not (len(digits) in CARD_LENGTHS and digits.isascii() and digits.isdigit()):
        return None
    return digits if has_issuer(digits) and luhn(digits) else None


def has_issuer(digits: str) -> bool:
    """Whether a card of so many digits may begin so."""
    return any(
        first <= digits[: len(first)] <= last and len(digits) in lengths for first, last, lengths in ISSUERS
    )


def luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(_LUHN_DOUBLE[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0
