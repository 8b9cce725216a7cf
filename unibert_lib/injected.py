"""The cell that papermill injects: checked before it runs, because papermill writes names into it as they come.

``papermill -f file.yaml`` with the name ``seed=0;import os`` writes ``seed=0;import os = 1``, and a value tagged
``!!binary`` or ``!!set`` may close its quotes: both would run what the file holds.

A kernel lives longer than one reading of its parameters: the reader runs cells again, in any order. So the cells are
told apart by what they hold. The parameters cell names most of the notebook's parameters and does nothing else;
papermill's begins with its mark and follows the parameters cell. Any other cell is the reader's own.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

MARK = "# Parameters"  # papermill's first line; no name or value stands before it
_fields: frozenset[str] | None = None  # the parameters' names, once this kernel has read them


def assigned(cell: str) -> set[str] | None:
    """The names that a cell gives plain values to, or None where it does anything else. Source: ours."""
    names = set()
    try:
        for statement in ast.parse(cell).body:
            if (name := _plain_assignment(statement)) is None:
                return None
            names.add(name)
    except SyntaxError:
        return None
    return names


def _plain_assignment(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and _literal(statement.value):
        target = statement.targets[0]
        return target.id if isinstance(target, ast.Name) else None
    return None


def refuse(cell: str, namespace: dict[str, Any]) -> str | None:
    """Why an injected cell must not run, or None: each line has to give a plain value to a plain name.

    A name may not hide what the notebook has imported (``config``), nor a builtin, nor start with an underscore.

    Source: ours (RELIABILITY, row 40).
    """
    try:
        statements = ast.parse(cell).body
    except SyntaxError as error:
        return f"line {error.lineno}: no assignment"
    for statement in statements:
        name = _plain_assignment(statement)
        if name is None:
            return f"line {statement.lineno}: no assignment of a plain value to one name"
        there = namespace.get(name)
        if name.startswith("_") or hasattr(builtins, name) or callable(there) or isinstance(there, type(sys)):
            return f"line {statement.lineno}: unknown parameter {name!r}, a name that is taken"
    return None


def _literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def check_given(parameters: Mapping[str, object]) -> dict[str, object]:
    """Parameters that may be written into a cell: plain names, and values that YAML and Python spell alike.

    Raises
    ------
    ValueError
        For any other name or value.

    Source: ours (RELIABILITY, row 40).
    """
    for name in parameters:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise ValueError(f"parameter {name!r}: no plain name; letters, digits and '_', a letter first, are needed")
    return {name: _plain(name, value) for name, value in parameters.items()}


def _plain(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(name, inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(name, inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    raise ValueError(
        f"parameter {name}={value!r}: text, finite numbers, True, False, None and lists of them are needed"
    )


def is_kernel(namespace: Mapping[str, Any]) -> bool:
    """Whether a mapping is the ``globals()`` of a notebook's cell. Source: ours."""
    shell = _shell()
    return shell is not None and namespace is shell.user_global_ns


def given(fields: Collection[str]) -> list[str]:
    """The names that the newest parameters cell and papermill's cell behind it give, as the kernel's history has them.

    Source: ours.
    """
    names: list[str] = []
    papermills = False
    for cell, above in _newest_first():
        found = assigned(cell)
        if found is None:
            continue
        if _is_mark(cell) and not papermills and (_fields is None or found & {*fields} or _gives_most(above, fields)):
            papermills = True
            names += sorted(found)
        elif _gives_most(cell, fields):
            return names + sorted(found)
    return names


def _newest_first() -> Iterator[tuple[str, str]]:
    """The cells that ran, each with the one that ran before it."""
    cells = list(_shell().history_manager.input_hist_raw)
    return zip(reversed(cells), [*reversed(cells[:-1]), ""], strict=False)


def _is_mark(cell: str) -> bool:
    return cell.lstrip().split("\n", 1)[0].strip() == MARK


def _gives_most(cell: str, fields: Collection[str]) -> bool:
    """Whether this is the parameters cell: nothing but plain values, for more than half of the parameters."""
    return 2 * len((assigned(cell) or set()) & {*fields}) > len(fields)


def _check(lines: list[str]) -> list[str]:
    """An IPython input transformer: what it raises is shown as the cell's error, and the cell does not run."""
    if not lines or lines[0].strip() != MARK:
        return lines
    expected = _fields is None or _gives_most(next(_newest_first(), ("", ""))[0], _fields)
    if expected and (reason := refuse("".join(lines), _shell().user_ns)):
        remedy = "give names of the cell above, with numbers, text, lists, True, False or None"
        raise ValueError(f"parameters, {reason}; {remedy}. Nothing was run")
    return lines


def _shell() -> Any:
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


def watch() -> None:
    """Check injected cells in this kernel from now on; does nothing outside a notebook. Source: ours."""
    shell = _shell()
    if shell is not None and _check not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_check)


def rest(fields: Collection[str]) -> None:
    """The parameters are read: until the parameters cell runs again, what starts with the mark is the reader's own.

    Source: ours.
    """
    global _fields
    _fields = frozenset(fields)
