"""The one parser every notebook uses: names, types and choices, checked before any work."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

import yaml

from unibert_lib import injected

T = TypeVar("T")

injected.watch()  # every notebook imports this module above its parameters, and has papermill's cell below them


def nearest(name: str, valid: Iterable[str]) -> str:
    """The valid names, those nearest to ``name`` first: the remedy at the end of an error."""
    names = sorted(str(v) for v in valid)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    listed = ", ".join(names) if len(names) <= 12 else ", ".join(names[:12]) + f", ... ({len(names)} in all)"
    return f"did you mean {' or '.join(close)}? Valid: {listed}" if close else f"valid: {listed}"


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    return f"unknown {kind} {name!r}; {nearest(name, valid)}"


def parse_parameters(namespace: Mapping[str, Any], schema: type[T]) -> T:
    """A notebook's parameters, checked against a frozen dataclass before any work starts.

    ``namespace`` is a notebook's ``globals()``, or a plain mapping of parameters, as :mod:`unibert_lib.train` reads one
    from a file. Every name of a mapping must be a field of ``schema``. A kernel also holds what its reader wrote, so
    there the schema's fields alone are read, and the names that must be fields are those which the parameters cell and
    papermill's cell gave (:func:`unibert_lib.injected.given`): papermill itself only warns about a misspelt name.

    Raises
    ------
    ValueError
        For a name that is no field (with the nearest names), a missing one without default, or a value
        of another type than the field's.

    Source: ours.
    """
    hints = typing.get_type_hints(schema)
    fields = {f.name: f for f in dataclasses.fields(schema)}  # type: ignore[arg-type]
    kernel = injected.is_kernel(namespace)
    for name in injected.given(fields) if kernel else namespace:
        if name not in fields:
            raise ValueError(f"{schema.__name__}: {unknown('parameter', str(name), fields)}")
    parameters = schema(**{name: _typed(name, namespace[name], hints[name]) for name in fields if name in namespace})
    if kernel:
        injected.rest(fields)
    return parameters


def _typed(name: str, value: Any, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value in arguments and any(value == a and type(value) is type(a) for a in arguments):
            return value
        raise ValueError(unknown(name, str(value), [str(a) for a in arguments]) + _in_yaml(value, str))
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        if value == "None":
            raise ValueError(f"{name}='None' is text; give None, which a YAML file spells null")
        return _typed(name, value, next(a for a in arguments if a is not type(None)))
    if origin is tuple:
        return _typed_tuple(name, value, arguments)
    wanted = origin or hint
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 1 << 1023:
            raise ValueError(f"{name}: a number of {len(str(abs(value)))} digits is too large; give a smaller one")
        return float(value)
    if isinstance(value, wanted) and not (wanted in (int, float) and isinstance(value, bool)):
        return value
    needed = f"{name}={value!r} is a {type(value).__name__}; a {wanted.__name__} is needed"
    raise ValueError(needed + _in_yaml(value, wanted))


def _in_yaml(value: Any, wanted: type) -> str:
    """How to write a value in a YAML file, whose rules (of version 1.1) make another thing of what a reader meant."""
    if wanted in (int, float) and isinstance(value, str):
        number = next((n for read in _NUMBERS if (n := _read(read, value)) is not None), None)
        if number is None or (wanted is int and number != int(number)):
            return ""
        spelt = yaml.safe_dump(wanted(number)).split()[0]
        return f". In a YAML file {value} is text: write {spelt}"
    if wanted is str and isinstance(value, bool):
        return '. In a YAML file no, off, yes and on are read as False and True: quote the word, such as "no" or "off"'
    if wanted is str and isinstance(value, (int, float, datetime.date)):
        return ". In a YAML file put quotes around it, or it is read as a number or a date"
    return ""


# As Python writes numbers; 0o17; 1,000
_NUMBERS: tuple[Callable[[str], float], ...] = (
    float,
    lambda text: int(text, 0),
    lambda text: int(text.replace(",", "")),
)


def _read(read: Callable[[str], float], text: str) -> float | None:
    try:
        number = read(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _typed_tuple(name: str, value: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, str):  # papermill's -p gives "en,fr" and "0,1" as one string, "1" as a number
        value = [_number(name, part, arguments[0]) for part in value.replace(",", " ").split()]
    if arguments[0] in (int, float) and isinstance(value, (int, float)):
        value = [value]
    if not isinstance(value, (list, tuple)):
        needed = f"{name}={value!r} is a {type(value).__name__}; a list is needed"
        raise ValueError(needed + _in_yaml(value, arguments[0]))
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_typed(name, v, arguments[0]) for v in value)
    if len(value) != len(arguments):
        raise ValueError(f"{name}={value!r}: {len(arguments)} values are needed")
    return tuple(_typed(name, v, a) for v, a in zip(value, arguments, strict=True))


def _number(name: str, part: str, wanted: Any) -> Any:
    if wanted not in (int, float):
        return part
    try:
        return wanted(part)
    except ValueError:
        raise ValueError(f"{name}: {part!r} is no {wanted.__name__}; give numbers, such as 0,1,2") from None


def check_choices(config: Any) -> None:
    """Refuse a value that its field, a Literal, does not list. Source: ours."""
    for name, hint in typing.get_type_hints(type(config)).items():
        if typing.get_origin(hint) is Literal:
            _typed(name, getattr(config, name), hint)
