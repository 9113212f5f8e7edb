"""Crypto wallets, verified by their checksums: by form alone every MD5 digest would be one.

    base58check         Bitcoin, Litecoin, Dogecoin, Dash, Zcash (transparent), TRON; XRP in its own alphabet
    bech32, bech32m     Bitcoin and Litecoin, SegWit version 0 and versions from 1 (BIP 173, BIP 350)
    hex with capitals   Ethereum and chains that use its addresses (EIP-55)

An Ethereum address in one case has no checksum. It is accepted in a column of wallets, but not in a text: a
transaction, a contract and a part of a hash look the same. Solana addresses have no checksum at all.
"""

import hashlib
import re
from collections.abc import Iterator

from matching.identifiers.fields import Field, FoundIdentifier

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_RIPPLE_VALUES = {character: value for value, character in enumerate(_RIPPLE)}
_HASH_SIZE = 20
_CHECK_SIZE = 4

# The bytes before the hash, from the chainparams of each chain. Some are shared by two chains.
_VERSIONS = frozenset(
    {
        b"\x00",  # Bitcoin P2PKH: 1...
        b"\x05",  # Bitcoin P2SH, Litecoin P2SH before 2017: 3...
        b"\x30",  # Litecoin P2PKH: L...
        b"\x32",  # Litecoin P2SH: M...
        b"\x1e",  # Dogecoin P2PKH: D...
        b"\x16",  # Dogecoin P2SH: 9..., A...
        b"\x4c",  # Dash P2PKH: X...
        b"\x10",  # Dash P2SH: 7...
        b"\x41",  # TRON: T...
        b"\x1c\xb8",  # Zcash P2PKH: t1...
        b"\x1c\xbd",  # Zcash P2SH: t3...
    }
)
_SHORTEST, _LONGEST = 25, 35  # characters in base58 of 25 or 26 bytes

# The first character stands before the lookbehind, so that the search can skip to it.
_BASE58 = re.compile(
    r"[1379ADLMTXrt](?<![A-Za-z0-9].)[1-9A-HJ-NP-Za-km-z]{24,34}+(?![A-Za-z0-9])", re.ASCII | re.DOTALL
)

_BECH32_ALPHABET = {character: value for value, character in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_PREFIXES = ("bc1", "ltc1", "BC1", "LTC1")
_BECH32 = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:bc|ltc)1[02-9ac-hj-np-z]{11,71}+|(?:BC|LTC)1[02-9AC-HJ-NP-Z]{11,71}+)(?![A-Za-z0-9])",
    re.ASCII,
)
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONSTANTS = {0: 1}  # of SegWit version 0; other versions use _BECH32M_CONSTANT
_BECH32M_CONSTANT = 0x2BC830A3
_BECH32_CHECK_LENGTH = 6

_ETHEREUM = re.compile(r"(?<![A-Za-z0-9])0x[0-9a-fA-F]{40}(?![A-Za-z0-9])", re.ASCII)


def wallet(value: str, _region: str = "") -> str | None:
    """Return the address as written, but bech32 and Ethereum addresses in lower case."""
    if _ETHEREUM.fullmatch(value):
        return value.lower() if has_eip55_checksum(value) or _is_one_case(value[2:]) else None
    if _BECH32.fullmatch(value):
        return bech32(value.lower())
    return base58check(value)


def wallets(text: str) -> Iterator[FoundIdentifier]:
    """Yield base58check, then bech32, then Ethereum addresses, each in order of place."""
    for match in _BASE58.finditer(text):
        if value := base58check(match[0]):
            yield Field.WALLET, value, match.start(), match.end()
    if any(prefix in text for prefix in _BECH32_PREFIXES):
        for match in _BECH32.finditer(text):
            if value := bech32(match[0].lower()):
                yield Field.WALLET, value, match.start(), match.end()
    for match in _ETHEREUM.finditer(text):
        if has_eip55_checksum(match[0]):
            yield Field.WALLET, match[0].lower(), match.start(), match.end()


def base58check(value: str) -> str | None:
    """Return the address, if its checksum is right and its version bytes are those of a known chain."""
    if not _SHORTEST <= len(value) <= _LONGEST or not set(value) <= _VALUES.keys():
        return None
    ripple = value[0] == _RIPPLE[0]
    raw = _decode_base58(value, _RIPPLE if ripple else _ALPHABET, _RIPPLE_VALUES if ripple else _VALUES)
    payload, check = raw[:-_CHECK_SIZE], raw[-_CHECK_SIZE:]
    version = payload[:-_HASH_SIZE]
    if version not in ({b"\x00"} if ripple else _VERSIONS):
        return None
    digest = hashlib.sha256(hashlib.sha256(payload).digest()).digest()
    return value if digest[:_CHECK_SIZE] == check else None


def has_checksum(value: str) -> bool:
    """Return whether the value has the form of an address with a checksum, right or wrong."""
    return any(form.fullmatch(value) for form in (_BASE58, _BECH32, _ETHEREUM))


def _decode_base58(value: str, alphabet: str, values: dict[str, int]) -> bytes:
    """Return one zero byte per leading zero digit, then the number in bytes."""
    number = 0
    for character in value:
        number = number * 58 + values[character]
    zeros = len(value) - len(value.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def bech32(value: str) -> str | None:
    """Return the SegWit address, if checksum, version and length are right (BIP 173, BIP 350).

    `value`: in lower case.
    """
    prefix, _, data = value.partition("1")
    if not set(data) <= _BECH32_ALPHABET.keys():
        return None
    values = [_BECH32_ALPHABET[character] for character in data]
    expanded = [ord(character) >> 5 for character in prefix] + [0]
    expanded += [ord(character) & 31 for character in prefix]
    version, program = values[0], values[1:-_BECH32_CHECK_LENGTH]
    if version > 16 or _polymod(expanded + values) != _BECH32_CONSTANTS.get(version, _BECH32M_CONSTANT):
        return None
    size, padding = divmod(len(program) * 5, 8)
    last = program[-1] if program else 0
    if padding > 4 or last & ((1 << padding) - 1) or not 2 <= size <= 40:
        return None
    return value if version or size in (20, 32) else None


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def has_eip55_checksum(address: str) -> bool:
    """Return whether an Ethereum address has the capitals that EIP-55 computes from its digits."""
    # Imported here because the import takes 50 ms: it brings a C parser with it.
    from Crypto.Hash import keccak

    digits = address[2:]
    if _is_one_case(digits):
        return False
    digest = keccak.new(digest_bits=256, data=digits.lower().encode("ascii")).hexdigest()
    return all(
        digit.isdigit() or digit.isupper() == (hashed >= "8")
        for digit, hashed in zip(digits, digest, strict=False)
    )


def _is_one_case(digits: str) -> bool:
    return digits in (digits.lower(), digits.upper())
