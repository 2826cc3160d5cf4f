"""Frozen records as plain data for JSON, and back: reading makes what the declared types allow, and runs nothing."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from typing import Any, Union, get_args, get_origin, get_type_hints

Read = Callable[[object], object]
CLASS = "is"  # the key that names a record's class, besides those of its fields


class Malformed(Exception):
    """Data that is no record of the kind asked for."""


def plain(value: object) -> object:
    """A record of records, tuples, enums, numbers, texts and None, as what JSON holds."""
    if is_dataclass(value) and not isinstance(value, type):
        return {CLASS: type(value).__name__, **{f.name: plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value.value if isinstance(value, Enum) else value


def read(kind: Any, data: object) -> Any:
    """The value of a declared type that ``data`` was made of. Raises Malformed for any other data."""
    return reader(kind)(data)


@cache
def reader(kind: Any) -> Read:
    """What reads values of a declared type: a class, a tuple of types, or one of several."""
    form = FORMS.get(get_origin(kind))
    if form is not None:
        return form(get_args(kind))
    if is_dataclass(kind):
        return records(kind)
    return members(kind) if issubclass(kind, Enum) else partial(exactly, kind)


def exactly(kind: type, data: object) -> object:
    """A number, a text or None: no subclass, for True is no int here."""
    if type(data) is not kind:
        raise Malformed(f"{data!r} is no {kind.__name__}")
    return data


def records(kind: Any) -> Read:
    """Records of a class, or of one derived from it."""
    classes = {found.__name__: found for found in (kind, *kind.__subclasses__())}
    known: dict[object, dict[str, Read]] = {}

    def record(data: object) -> object:
        name = data.get(CLASS) if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(name, str) or name not in classes:
            raise Malformed(f"{data!r} is no {kind.__name__}")
        declared = known.get(name) or known.setdefault(name, declarations(classes[name]))
        if len(data) != len(declared) + 1 or not declared.keys() <= data.keys():
            raise Malformed(f"{name} has {', '.join(declared)}, not {', '.join(data)}")
        return classes[name](**{field: of(data[field]) for field, of in declared.items()})

    return record


def declarations(kind: Any) -> dict[str, Read]:
    """The fields of a class of records, and what reads each."""
    hints = get_type_hints(kind)
    return {f.name: reader(hints[f.name]) for f in fields(kind)}


def members(kind: type[Enum]) -> Read:
    found = {one.value: one for one in kind}

    def member(data: object) -> object:
        if not isinstance(data, str) or data not in found:
            raise Malformed(f"{data!r} is no {kind.__name__}")
        return found[data]

    return member


def tuples(within: tuple[Any, ...]) -> Read:
    """Tuples of any number of one type, or of so many types."""
    many = within[1:] == (...,)
    readers = [reader(what) for what in within[: 1 if many else None]]

    def parts(data: object) -> object:
        if not isinstance(data, list) or (not many and len(data) != len(readers)):
            raise Malformed(f"{data!r} is no tuple of {'one type' if many else len(readers)}")
        if many:
            return tuple([readers[0](part) for part in data])
        return tuple([of(part) for of, part in zip(readers, data, strict=True)])

    return parts


def either(kinds: tuple[Any, ...]) -> Read:
    """The value of whichever of several types it is."""
    readers = [reader(kind) for kind in kinds]

    def one(data: object) -> object:
        for of in readers:
            try:
                return of(data)
            except Malformed:
                continue
        raise Malformed(f"{data!r} is none of {', '.join(map(str, kinds))}")

    return one


FORMS: dict[Any, Callable[[Any], Read]] = {tuple: tuples, Union: either, types.UnionType: either}
