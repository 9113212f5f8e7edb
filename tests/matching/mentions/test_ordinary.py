"""Ordinary text: what has the letters of a name and is something else."""

import pytest

from matching.mentions.terms import Terms, WatchTerm


def found(term: str, text: str, kind: str = "name", exclude: tuple[str, ...] = ()) -> list[str]:
    """Return the parts of the text that are mentions of the term."""
    mentions = Terms.build([WatchTerm(1, 1, term, kind, exclude)]).find(text)
    return [text[mention.start : mention.end] for mention in mentions]


@pytest.mark.parametrize(
    "text",
    [
        "https://kelbridge.example/login",
        "vpn.kelbridge.example:443",
        "anna@kelbridge.example",
        "anna@mail.kelbridge.example:pass",
        "It is kelbridge.example.",
        "kelbridge.example.sql",
        "kelbridge.example.tar.gz",
        "at kelbridge.example.Then",
        "来源kelbridge.example数据",
        "- kelbridge.example - x",
        "_kelbridge.example_",
    ],
)
def test_a_domain_is_its_host_and_the_hosts_below(text: str) -> None:
    """A host, a subdomain, an address there and a file that is named after the host are mentions."""
    assert found("kelbridge.example", text, "domain") == ["kelbridge.example"]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("kelbridge.example", "my-kelbridge.example"),
        ("kelbridge.example", "mykelbridge.example"),
        ("kelbridge.example", "58kelbridge.example"),
        ("kelbridge.example", "kelbridge.example.evil.test"),
        ("kelbridge.example", "https://kelbridge[.]example[.]evil[.]test"),
        ("kelbridge.example", "kelbridge.example-login.test"),
        ("kelbridge.example", "kelbridge.example@evil.test"),
        ("kelbridge.example", "kelbridge.examples"),
        ("kelbridge.example", "kelbridge_example"),
        ("kelbridge.example", "kelbridge.example.cn"),
        ("x.com", "quant-x.com"),
    ],
)
def test_another_host_is_no_domain(term: str, text: str) -> None:
    """A host that only contains the domain belongs to somebody else."""
    assert found(term, text, "domain") == []


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("EE", "это ее дом"),
        ("BT", "5 Вт"),
        ("оса", "oca"),
        ("Gap", "gặp"),
        ("SAP", "sắp"),
        ("Union", "la unión"),
        ("Rise", "říše"),
        ("DE", "🇩🇪"),
        ("ez", "Geʻez"),
    ],
)
def test_a_word_of_another_script_is_that_word(term: str, text: str) -> None:
    """A short word wholly of another script, or with marks, is no name."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("EE", "Еe shop", "Еe"),
        ("Garanti", "GARANTİ bankası", "GARANTİ"),
        ("Telefonica", "telefónica", "telefónica"),
        ("ING", "İNG bank", "İNG"),
        ("Café", "cafe menu", "cafe"),
        ("Сбер", "СБЕР", "СБЕР"),
        ("Apple", "АррӀе", "АррӀе"),
    ],
)
def test_a_disguise_in_another_script_is_found(term: str, text: str, mention: str) -> None:
    """Words of mixed scripts, long words and Turkish capitals are the name."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ICBC", "1c8c"),
        ("ICBC", "a1d1-71de-1c8c"),
        ("EE", "2EE0"),
        ("EE", "00 ee 1f 3c"),
        ("EE", "%EE%A0"),
        ("EE", "aa:ee:1f"),
        ("dada", "1c8c-dada-4e21"),
        ("sprint", "$print"),
        ("init", "if (!nit)"),
        ("model", "mode|"),
        ("Ally", "a11y"),
        ("58", "08:58"),
        ("58", "2024-12-58"),
        ("58", "1.58"),
        ("32", "v2.6.32"),
        ("360", "\\360"),
        ("360", "+360"),
    ],
)
def test_code_and_numbers_are_no_names(term: str, text: str) -> None:
    """Hexadecimal, variables, numeronyms, times, versions and dates are no names."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("EE", "ee.sql", "ee"),
        ("EE", "the EE network", "EE"),
        ("dada", "dada2024.csv", "dada"),
        ("Ally", "4lly", "4lly"),
        ("58", "58.com", "58"),
        ("360", "下载360 版", "360"),
        ("Sprint", "5print", "5print"),
    ],
)
def test_names_beside_digits_are_found(term: str, text: str, mention: str) -> None:
    """A name of hexadecimal letters and a term of digits are found beside other text."""
    assert found(term, text) == [mention]


def natures(text: str, *, in_addresses: bool = True) -> list[str]:
    term = WatchTerm(1, 1, "kelbridge.example", "domain", in_addresses=in_addresses)
    return [mention.nature.value for mention in Terms.build([term]).find(text, lookalikes=True)]


@pytest.mark.parametrize(
    "text",
    [
        "anna@kelbridge.example",
        "<anna.b@mail.kelbridge.example>:pass",
        "anna[at]kelbridge[.]example",
        "mailto:anna%40kelbridge.example",
        "mailto:anna%40mail.kelbridge.example",
        '"anna\\u0040mail.kelbridge.example"',
    ],
)
def test_the_domain_of_an_address_is_a_signal_of_its_own(text: str) -> None:
    """In whatever spelling; a mail provider turns it off."""
    assert natures(text) == ["address"]
    assert natures(text, in_addresses=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "login at my-kelbridge.example now",
        "https://kelbridge.example.evil.test/login",
        "kelbridge[.]example[.]evil[.]test",
        "kelbridge.example-login.test/x",
        "secure.my-kelbridge.example",
        "1kelbridge.example",
        "anna@kelbridge.example.evil.test",
    ],
)
def test_a_host_that_contains_the_domain_is_a_lookalike(text: str) -> None:
    """Hosts that are made to be taken for the company's."""
    assert natures(text) == ["lookalike"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://kelbridge.example/?to=a@b.test", ["named"]),
        ("a@b.test;kelbridge.example", ["named"]),
        ("follow @kelbridge.example", ["named"]),
        ("kelbridge.example.sql", ["named"]),
        ("kelbridge.example@evil.test", []),
        ("kelbridge.example-Kunden", []),
        ("mykelbridge.example", []),
    ],
)
def test_other_places_are_neither_address_nor_lookalike(text: str, found: list[str]) -> None:
    """The host itself, an account, a file; and what is nothing of it."""
    assert natures(text) == found


def test_a_short_domain_has_no_lookalikes() -> None:
    """`quant-x.example` has nothing to do with `x.example`."""
    terms = Terms.build([WatchTerm(1, 1, "x.example", "domain")])

    assert terms.find("quant-x.example and x.example.evil.test", lookalikes=True) == []
