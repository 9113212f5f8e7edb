"""Every key of every file that a person writes, read from the pydantic models themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_origin

from pydantic import BaseModel


def keys(annotation: object, section: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """(section, key) pairs below a model, or below a union of models; a table's free name is NAME.

    A model that is reached on several ways is given for each.
    """
    for model in _models(annotation):
        for name, field in model.model_fields.items():
            key = field.alias or name
            below = (*section, key, "NAME") if get_origin(field.annotation) is dict else (*section, key)
            inner = list(keys(field.annotation, below))
            yield from inner
            if not inner:
                yield section, key


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for argument in get_args(annotation):
        if not isinstance(argument, str):
            yield from _models(argument)
