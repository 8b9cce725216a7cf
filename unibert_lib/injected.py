"""The cell that papermill injects: checked before it runs, because papermill writes names into it as they come.

``papermill -f file.yaml`` with the name ``seed=0;import os`` writes ``seed=0;import os = 1``, and a value tagged
``!!binary`` or ``!!set`` may close its quotes: both would run what the file holds.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARK = "# Parameters"  # papermill's first line; no name or value stands before it


def refuse(cell: str, namespace: dict[str, Any]) -> str | None:
    """Why an injected cell must not run, or None: each line has to give a plain value to a plain name.

    A name may not hide what the notebook has imported (``config``), nor a builtin, nor start with an underscore, which
    :func:`unibert_lib.options.parse_parameters` passes over.

    Source: ours (RELIABILITY, row 40).
    """
    try:
        statements = ast.parse(cell).body
    except SyntaxError as error:
        return f"line {error.lineno}: no assignment"
    for statement in statements:
        if not (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(name := statement.targets[0], ast.Name)
            and _literal(statement.value)
        ):
            return f"line {statement.lineno}: no assignment of a plain value to one name"
        there = namespace.get(name.id)
        if name.id.startswith("_") or hasattr(builtins, name.id) or callable(there) or isinstance(there, type(sys)):
            return f"line {statement.lineno}: unknown parameter {name.id!r}, a name that is taken"
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


def _check(lines: list[str]) -> list[str]:
    """An IPython input transformer: what it raises is shown as the cell's error, and the cell does not run."""
    shell = _shell()
    if lines and lines[0].strip() == MARK and (reason := refuse("".join(lines), shell.user_ns if shell else {})):
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


def rest() -> None:
    """The parameters are read: what else starts with the mark is the reader's own cell. Source: ours."""
    shell = _shell()
    if shell is not None and _check in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(_check)
