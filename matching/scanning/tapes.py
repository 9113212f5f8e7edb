"""Passes a tape of strings to stringzilla without a copy: Arrow's C data interface, without Arrow.

https://arrow.apache.org/docs/format/CDataInterface.html and CDataInterface/PyCapsuleInterface.html. A tape is
an array of `large_binary`: the bytes, and 64-bit offsets, one more than there are strings.
"""

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int64, c_void_p, py_object

import numpy as np
from numpy.typing import NDArray
from stringzilla import Strs

_LARGE_BINARY = b"Z"


class _Schema(Structure):
    _fields_ = (
        ("format", c_char_p),
        ("name", c_char_p),
        ("metadata", c_char_p),
        ("flags", c_int64),
        ("n_children", c_int64),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


class _Array(Structure):
    _fields_ = (
        ("length", c_int64),
        ("null_count", c_int64),
        ("offset", c_int64),
        ("n_buffers", c_int64),
        ("n_children", c_int64),
        ("buffers", POINTER(c_void_p)),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = py_object, (c_void_p, c_char_p, c_void_p)


class Tape:
    """Strings in one array of bytes: string i is `tape[offsets[i]:offsets[i + 1]]`."""

    def __init__(self, offsets: NDArray[np.int64], tape: NDArray[np.uint8]) -> None:
        self.offsets, self.bytes = np.ascontiguousarray(offsets), np.ascontiguousarray(tape)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Return the schema and the array as capsules.

        Both belong to this object, which must outlive them: `release` is not called.
        """
        self._buffers = (c_void_p * 3)(None, self.offsets.ctypes.data, self.bytes.ctypes.data)
        self._schema = _Schema(format=_LARGE_BINARY)
        self._array = _Array(length=len(self), n_buffers=3, buffers=self._buffers)
        return (
            _capsule(ctypes.addressof(self._schema), b"arrow_schema", None),
            _capsule(ctypes.addressof(self._array), b"arrow_array", None),
        )

    def strings(self) -> Strs:
        """Return a view of this object, which must outlive it."""
        return Strs(self, view=True)
