"""The native scanner: a library in C11 that does not use Python's headers, and its bindings.

`setup/native_library.py` compiles it when Spillwatch is installed, if there is a C compiler.
"""
