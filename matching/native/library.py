"""Loads the native library: the structures of spillwatch.h, and the functions with their types.

`load_library` raises LibraryMissing for a library that does not exist, does not load or has another version
of the interface. Its callers then use Python code that gives the same results.
"""

import ctypes
from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_int,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from pathlib import Path
from typing import Any

from matching.identifiers import Field

ABI = 17
PATH = Path(__file__).with_name("scanner.shared")
ROW = 12  # numbers per state of a telephone table
IBAN_ROW = 40  # bytes
DROPPED = 255

# In the order of enum sw_field. For SHAPES the library only finds places where one may be.
FIELDS = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN)
SHAPES = (Field.WALLET, Field.PASSPORT, Field.DRIVING_LICENCE, Field.NATIONAL_ID)


class LibraryMissing(Exception):
    """The native library cannot be used; the message says why."""


class PhoneAnswer(Structure):
    _fields_ = (
        ("kind", c_uint8),
        ("start", c_uint8),
        ("end", c_uint8),
        ("rest", c_uint8),
        ("literal_length", c_uint8),
        ("literal", c_char * 7),
    )


class PhoneTable(Structure):
    _fields_ = (
        ("rows", c_void_p),
        ("tails", c_void_p),
        ("answers", c_void_p),
        ("lengths", c_void_p),
        ("code", c_char * 4),
        ("code_length", c_uint32),
    )


class MailProviderRow(Structure):
    _fields_ = (
        ("tag", c_char),
        ("ignored", c_char * 7),
        ("mailbox", c_char * 22),
        ("mailbox_length", c_uint8),
        ("subdomain", c_uint8),
    )


class MailDomainRow(Structure):
    _fields_ = (("name", c_char * 31), ("length", c_uint8), ("provider", c_uint32))


class NameFold(Structure):
    _fields_ = (("images", c_void_p), ("expansions", c_void_p))


Ask = CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_uint32, c_void_p)


class Rules(Structure):
    _fields_ = (
        ("fields", c_uint32),
        ("domain_count", c_uint32),
        ("countries_of_ids", c_uint32),
        ("fold_pages", c_void_p),
        ("fold_images", c_void_p),
        ("provinces", c_void_p),
        ("issuers", c_void_p),
        ("ibans", c_void_p),
        ("providers", c_void_p),
        ("domains", c_void_p),
        ("home", c_void_p),
        ("countries", c_void_p),
        ("codes", c_void_p),
        ("ask", Ask),
    )


_Function = Callable[..., Any]


class Library:
    """The functions of a loaded library."""

    def __init__(self, path: Path) -> None:
        """Raises OSError or AttributeError for a foreign file, LibraryMissing for another interface."""
        self.path = path
        handle = ctypes.CDLL(str(path))
        abi = _function(handle, "sw_abi", c_uint32)()
        if abi != ABI:
            raise LibraryMissing(f"{path} has interface {abi}; expected {ABI}. Install Spillwatch again")
        self.new = _function(handle, "sw_new", c_void_p, POINTER(Rules))
        self.free = _function(handle, "sw_free", None, c_void_p)
        self.scan = _function(handle, "sw_scan", c_int, c_void_p, c_void_p, c_size_t)
        # These calls are shorter than releasing Python's lock and waiting for it again, a dozen times per
        # block, so they keep it.
        quick = ctypes.PyDLL(str(path))
        self.count = _function(quick, "sw_count", c_uint64, c_void_p, c_uint32)
        self.tape_length = _function(quick, "sw_tape_length", c_uint64, c_void_p, c_uint32)
        self.take = _function(quick, "sw_take", None, c_void_p, c_uint32, *[c_void_p] * 4)
        self.line_ends = _function(quick, "sw_line_ends", c_uint64, c_void_p, c_size_t, c_void_p, c_uint64)
        self.text_signs = _function(handle, "sw_text_signs", c_uint32, c_void_p, c_size_t)
        self.mask_runs = _function(handle, "sw_mask_runs", c_uint64, c_void_p, c_size_t, c_void_p, c_uint64)
        self.names_fold = _function(
            handle, "sw_names_fold", c_int64, POINTER(NameFold), c_void_p, c_uint32, c_size_t, c_void_p,
            c_size_t, c_void_p, POINTER(c_uint32),
        )  # fmt: skip
        self.names_places = _function(
            quick, "sw_names_places", None, POINTER(NameFold), c_void_p, c_uint32, c_size_t, c_void_p,
            c_size_t, c_void_p, c_void_p, c_size_t, c_void_p,
        )  # fmt: skip
        self.names_dotted = _function(handle, "sw_names_dotted", c_uint32, c_void_p, c_size_t)
        self.names_rewritten = _function(handle, "sw_names_rewritten", c_uint32, c_void_p, c_size_t)
        self.names_new = _function(
            handle, "sw_names_new", c_void_p, *[c_void_p] * 4, c_uint32, *[c_void_p] * 4
        )
        self.names_free = _function(handle, "sw_names_free", None, c_void_p)
        self.names_find = _function(
            handle,
            "sw_names_find",
            c_int64,
            c_void_p,
            c_void_p,
            c_size_t,
            POINTER(c_uint64),
            c_void_p,
            c_size_t,
        )
        self.mask = _function(handle, "sw_mask", c_int64, c_void_p, c_void_p, c_size_t, c_uint32)
        self.hmac_lanes = _function(handle, "sw_hmac_lanes", c_uint32)
        self.hmac = _function(
            handle, "sw_hmac", None, c_uint32, *[c_void_p] * 3, c_uint64, c_void_p, c_void_p, c_uint32
        )


def _function(handle: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> _Function:  # noqa: ANN401  # ctypes' types have no name of their own
    found: _Function = handle[name]
    found.restype, found.argtypes = result, arguments  # type: ignore[attr-defined]  # a function of ctypes
    return found


class _Switch:
    """Whether `load_library` may load a library."""

    allowed = True


def allow_native(native: bool) -> None:
    """Choose whether this process may use the library. One that is loaded already stays in use."""
    if not _loaded.cache_info().currsize:
        _Switch.allowed = native


def load_library(path: Path = PATH) -> Library:
    """Raises LibraryMissing."""
    if not _Switch.allowed:
        raise LibraryMissing("the native scanner is turned off (native = false in [matching])")
    return _loaded(path)


@cache
def _loaded(path: Path) -> Library:
    if not path.exists():
        raise LibraryMissing(f"{path} does not exist: there was no C compiler when Spillwatch was installed")
    try:
        return Library(path)
    except (OSError, AttributeError) as error:
        raise LibraryMissing(f"{path} cannot be loaded: {error}") from None
