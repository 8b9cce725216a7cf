"""What ``from_pretrained`` reads, a folder or a hub id, on our terms: no code, no pickle, errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

# Such loaders document no errors of theirs: these are what broken and hostile folders were seen to raise.
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ImportError,
    ArithmeticError,
    MemoryError,
    SafetensorError,
    StrictDataclassError,
)


class HubError(ValueError):
    """A model or tokenizer that cannot be opened; the message names the file or id and the reason."""


def from_pretrained(auto: Any, source: str | Path, revision: str | None = None, **options: Any) -> Any:
    """``auto.from_pretrained`` that never runs code of the folder or repository and never asks whether it may.

    Left to itself, transformers asks on the terminal, and a ``y`` runs the code. A configuration that names an
    attention kernel of the hub is refused too: it is compiled code from there.

    Parameters
    ----------
    auto
        One of transformers' Auto classes.
    source
        A folder, or a hub id.
    revision
        The hub id's commit; a folder has none.
    options
        Passed on.

    Raises
    ------
    HubError
        If a file is not what it should be, the hub has no such files, or they want to run code.

    Source: ours (RELIABILITY, rows 17, 24 and 44; G10).
    """
    path = Path(source).expanduser()
    local = path.exists()
    if local:
        check_folder(path)
    where = {"revision": "main" if local or revision is None else revision, "local_files_only": local}
    try:
        found = auto.from_pretrained(path if local else str(source), trust_remote_code=False, **where, **options)
    except _UNREADABLE as error:
        said = str(error).strip() or type(error).__name__
        if "trust_remote_code" in said:
            said = "it brings code of its own, which is never run: take a model of a type that transformers knows"
        raise HubError(f"{source}: {said.splitlines()[0]}") from error
    attention = getattr(found, "_attn_implementation", None)
    if "/" in str(attention):
        raise HubError(
            f"{source}: its configuration takes attention from {attention!r}, which is code: remove the entry"
        )
    return found


def check_folder(path: Path) -> None:
    """Refuse a folder whose JSON, safetensors or tokenizer files are something else: cut off, pickles, text.

    Raises
    ------
    HubError
        Naming the file, and the line where there is one.

    Source: ours.
    """
    for file in sorted(path.glob("*.json")):
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise HubError(f"{file}: no JSON ({error}); take the file again") from error
        if not isinstance(value, dict) and "config" in file.name:
            raise HubError(f"{file}, line 1: a JSON object is needed, not a {type(value).__name__}; take it again")
        shards = value.get("weight_map") if isinstance(value, dict) else None
        if isinstance(shards, dict) and (outside := [n for n in shards.values() if Path(str(n)).name != n]):
            raise HubError(f"{file}: shard {outside[0]!r} lies outside of this folder; take the model again")
    for file in sorted(path.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy"):
                pass
        except (SafetensorError, OSError) as error:
            raise HubError(f"{file}: no safetensors ({error}); take the file again") from error
    if (path / "tokenizer.json").exists():
        try:
            Tokenizer.from_file(str(path / "tokenizer.json"))
        except Exception as error:  # its Rust part raises nothing narrower
            raise HubError(f"{path / 'tokenizer.json'}: no tokenizer ({error}); take the file again") from error
