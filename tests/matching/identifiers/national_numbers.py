"""National numbers for tests, drawn at random until dates and check digits are right."""

from random import Random

from matching.identifiers.national_ids import COUNTRIES, FORMS, form_of_country

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_TRIES = 300_000
# Where chance would take too long: the beginning of a number, or the whole example of the authority.
_BEGINS = {"CH": "756", "FR": "1", "MX": "BOXW310820HNERXN09"}


def number_of(country: str, form: str, seed: int = 1) -> str:
    """Return a right number of the country in the form: 9 is a digit, A a letter, X either."""
    chance = Random(f"{country} {form} {seed}")
    begin = _BEGINS.get(country, "")
    for _ in range(_MOST_TRIES):
        drawn, left = [], begin
        for sign in form:
            if sign not in "9AX":
                drawn.append(sign)
            elif left:
                drawn.append(left[0])
                left = left[1:]
            else:
                digit = sign == "9" or (sign == "X" and chance.random() < 0.8)
                drawn.append(chance.choice("0123456789" if digit else _LETTERS))
        if form_of_country("".join(drawn), country):
            return "".join(drawn)
    raise AssertionError(f"no number of {country} in the form {form}")


def written_forms() -> list[tuple[str, str]]:
    """Return each form of a text with each country that writes it."""
    return [(form, country) for form, countries in FORMS.items() for country in countries.split()]


def plain_form(country: str) -> str:
    """Return the form of a country's numbers of digits alone."""
    return "9" * int(COUNTRIES[country].shape)
