"""Crypto wallets: recognised by their checksum, never by form alone."""

import hashlib
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import bitcoin

from matching.identifiers import Field, canonical, refusal, scan

BITCOIN = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"


def encoded(payload: bytes, alphabet: str = BITCOIN) -> str:
    """Return base58check, computed by long division."""
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = alphabet[digit] + digits
    return alphabet[0] * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def found(text: str) -> list[str]:
    return [one.canonical for one in scan(text, "CN", {Field.WALLET})]


CHAINS = {
    "00": "1", "05": "3", "30": "L", "32": "M", "1e": "D", "16": "9A", "4c": "X", "10": "7", "41": "T",
    "1cb8": "t1", "1cbd": "t3",
}  # fmt: skip
HASHES = st.binary(min_size=20, max_size=20)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(CHAINS)), HASHES, st.sampled_from(["{}", "BTC:{}", "地址{}。", "'{}',", "({})"])
)
def test_an_address_of_every_chain_is_found(version: str, hashed: bytes, around: str) -> None:
    """An address of any hash is found in any surroundings and begins with the characters of its chain."""
    address = encoded(bytes.fromhex(version) + hashed)

    assert [found(around.format(address)), canonical(Field.WALLET, address, "CN")] == [[address], address]
    assert address[0] in CHAINS[version] or address[:2] == CHAINS[version]


@settings(max_examples=100, deadline=None)
@given(HASHES)
def test_a_ripple_address_is_found(hashed: bytes) -> None:
    """An XRP address is found; it begins with r, as its alphabet does."""
    address = encoded(b"\0" + hashed, RIPPLE)

    assert [address[0], found(f"to {address}\n")] == ["r", [address]]


@settings(max_examples=300, deadline=None)
@given(HASHES, st.integers(0, 33), st.sampled_from(BITCOIN), st.sampled_from(["00", "05"]))
def test_bitcoin_is_what_stdnum_says(hashed: bytes, place: int, changed: str, version: str) -> None:
    """Right addresses and addresses with one character changed are judged as by stdnum."""
    address = encoded(bytes.fromhex(version) + hashed)
    address = address[0] + (address[1 : place + 1] + changed + address[place + 2 :])[: len(address) - 1]

    assert (canonical(Field.WALLET, address, "CN") == address) is bitcoin.is_valid(address)


# The vectors of BIP 173 and BIP 350, for the networks that are in use.
VALID = [
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "BC1SW50QGDZ25J",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
]
INVALID = [
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
    "BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2",
    "bc1rw5uspcuh",
    "bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
    "bc1gmk9yu",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
    "bc1pw5dgrnzv",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
    "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
]


@pytest.mark.parametrize("address", VALID)
def test_a_segwit_address_is_in_small_letters(address: str) -> None:
    """A SegWit address becomes lower case: version 0 by BIP 173, others by BIP 350."""
    assert [found(f"send to {address}, now"), canonical(Field.WALLET, address, "CN")] == [
        [address.lower()],
        address.lower(),
    ]


@pytest.mark.parametrize("address", INVALID)
def test_a_wrong_segwit_address_is_none(address: str) -> None:
    """An address with a wrong checksum, version, length or padding, or in mixed case, is refused."""
    assert [found(address), canonical(Field.WALLET, address, "CN")] == [[], None]


def segwit(prefix: str, program: Sequence[int]) -> str:
    """Return a version 0 address with stdnum's checksum."""
    values = [0, *program]
    spread = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    check = bitcoin.bech32_checksum(spread + values + [0] * 6) ^ 1
    values += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return f"{prefix}1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[value] for value in values)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 31), min_size=32, max_size=32), st.integers(0, 41), st.sampled_from("qpz29"))
@pytest.mark.slow
def test_segwit_is_what_stdnum_says(program: list[int], place: int, changed: str) -> None:
    """Addresses of version 0, right or with one character changed, agree with stdnum; Litecoin's too."""
    address, litecoin = segwit("bc", program), segwit("ltc", program)
    wrong = address[:4] + (address[4:place] + changed + address[place + 1 :])[-38:] if place > 4 else address

    assert (canonical(Field.WALLET, wrong, "CN") == wrong) is (bitcoin.is_valid(wrong) and len(wrong) == 42)
    assert found(f"{litecoin} {address}") == [litecoin, address]


# The examples of EIP-55.
ETHEREUM = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("address", ETHEREUM)
def test_an_ethereum_address_is_known_by_its_capitals(address: str) -> None:
    """In a text the capitals must be those of EIP-55; a cell can also have the address in one case."""
    last = max(place for place, character in enumerate(address) if character.isalpha())
    wrong = address[:last] + address[last].swapcase() + address[last + 1 :]
    texts = [address, wrong, address.lower(), address[:2] + address[2:].upper()]

    assert [found(text) for text in texts] == [[address.lower()], [], [], []]
    assert [canonical(Field.WALLET, text, "CN") for text in texts] == [
        address.lower(),
        None,
        address.lower(),
        address.lower(),
    ]


def test_hashes_are_no_wallets() -> None:
    """20,000 lines of MD5, SHA-1 and random base58 give no candidate: by form there would be thousands."""
    chance = random.Random(4)
    lines = [
        f"{hashlib.md5(str(number).encode()).hexdigest()},{hashlib.sha1(str(number).encode()).hexdigest()},"
        f"{chance.choice('13LMDT')}{''.join(chance.choices(BITCOIN, k=33))}"
        for number in range(20_000)
    ]

    assert found("\n".join(lines)) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "wrong_check_digit"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "wrong_check_digit"),
        ("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "wrong_check_digit"),
        ("my wallet", "malformed"),
        ("none", "placeholder"),
    ],
)
def test_a_refused_wallet_has_a_reason(value: str, reason: str) -> None:
    """A wrong checksum has another reason than a text that is not an address."""
    assert (canonical(Field.WALLET, value, "CN"), refusal(Field.WALLET, value)) == (None, reason)
