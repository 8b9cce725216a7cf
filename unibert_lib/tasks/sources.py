"""Where each data set comes from, under which licence, and which reader takes it: ``data/sources.toml``."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from unibert_lib.config import unknown

if TYPE_CHECKING:
    from datasets import Dataset

TABLE = Path(__file__).resolve().parents[2] / "data" / "sources.toml"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ARCHIVE = re.compile(r"(?i)\.(?:tar|t[bgx]z2?|zip|7z|rar)(?:\.\w+)?$|^(?:zip|tar)://")


@dataclass(frozen=True)
class Source:
    """One data set. ``languages`` is empty where ``note`` says which; ``{lg}`` in names stands for a language's code.

    ``hub`` is an id whose files load without a script, "" where none is known; ``reader`` is a name below
    ``unibert_lib`` and takes the ``files``, ``hub_reader`` the hub's rows.

    Source: ours; each entry names its own.
    """

    name: str
    title: str
    task: str
    languages: tuple[str, ...]
    licence: str
    homepage: str
    files: tuple[str, ...]
    reader: str
    note: str
    restrictions: str = ""
    download: str = ""
    hub: str = ""
    hub_config: str = ""
    hub_reader: str = ""


def load(path: Path = TABLE) -> dict[str, Source]:
    """The registry, by name, in the file's order.

    Raises
    ------
    ValueError
        If an entry lacks a field or has one that is unknown.

    Source: ours.
    """
    known = {field.name: field.default is MISSING for field in fields(Source) if field.name != "name"}
    found = {}
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not TOML in UTF-8 ({error}): correct it") from error
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise ValueError(f"{path}, [{name}]: {entry!r:.60} is no table: write its fields below [{name}]")
        for key in entry:
            if key not in known:
                raise ValueError(f"{path}, [{name}]: {unknown('field', key, known)}")
        if missing := [key for key, needed in known.items() if needed and key not in entry]:
            raise ValueError(f"{path}, [{name}]: field {missing[0]!r} is missing: add it")
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
        }
        found[name] = Source(name=name, **values)
    return found


def get(name: str) -> Source:
    """One data set by name.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest.

    Source: ours.
    """
    registry = load()
    if name not in registry:
        raise ValueError(unknown("data set", name, registry))
    return registry[name]


def table() -> pd.DataFrame:
    """The registry as a table for notebooks, one row a data set.

    Source: ours.
    """
    rows = [
        {**asdict(source), "languages": " ".join(source.languages), "files": " ".join(source.files)}
        for source in load().values()
    ]
    return pd.DataFrame(rows).set_index("name")


def hub_rows(hub_id: str, config: str | None, split: str, revision: str | None) -> Dataset:
    """The rows of a data set of the hub at a pinned commit, or of a local folder of its parquet files.

    A folder takes ``revision=None``: it has no commit. Loading scripts are never run, archives never unpacked, and a
    folder's card may not send us elsewhere. Offline, what was loaded before at this commit comes from the cache.

    Raises
    ------
    ValueError
        Without a full commit id; if the hub cannot be reached, the id, configuration or split is not there, the data
        set needs a script, holds an archive, or a file is broken. The message names the remedy.

    Source: ours (RELIABILITY, rows 17, 43 and 44).
    """
    folder = Path(hub_id).expanduser().is_dir()
    if folder and revision is not None:
        raise ValueError(f"{hub_id}: a folder, which has no commit: give revision=None, or use another name")
    if not folder and (revision is None or not _COMMIT.fullmatch(revision)):
        remedy = "give the 40 hex digits of a commit (on the hub: Files and versions, History), not a branch or a tag"
        raise ValueError(f"{hub_id}: revision={revision!r} pins nothing: {remedy}")
    from datasets import load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetGenerationError

    where = f"{hub_id}, config {config!r}, split {split!r}" + (f", revision {revision}" if revision else "")
    source = str(Path(hub_id).expanduser()) if folder else hub_id
    try:
        listed = load_dataset_builder(source, config, revision=revision).config.data_files or {}
        files = [str(file) for split_files in listed.values() for file in split_files]
        if packed := [file for file in files if _ARCHIVE.search(file)]:
            raise ValueError(f"{packed[0]} is an archive, which is not unpacked; unpack it and give its folder")
        if folder and (outside := [file for file in files if not _below(source, file)]):
            raise ValueError(f"its card names {outside[0]}, which lies elsewhere; put the file into the folder")
        rows: Any = load_dataset(source, config, split=split, revision=revision)
    except ConnectionError as error:
        remedy = "unset HF_HUB_OFFLINE and go online once to cache this commit, or give a folder of its parquet files"
        raise ValueError(f"{where}: the hub cannot be reached ({error}); {remedy}") from error
    except FileNotFoundError as error:
        remedy = "check the id, the commit and, for a gated data set, your login"
        raise ValueError(f"{where}: no data there ({error}); {remedy}") from error
    except (pa.ArrowInvalid, DatasetGenerationError) as error:
        raise ValueError(f"{where}: a file is broken ({error}); download it again") from error
    except ImportError as error:
        raise ValueError(f"{where}: its card names a file that lies elsewhere ({error}); give its files") from error
    except ValueError as error:
        raise ValueError(f"{where}: {error}; check the configuration and the split") from error
    except RuntimeError as error:
        if "script" not in str(error):
            raise
        remedy = "pin a commit of its branch refs/convert/parquet, or give the original files to the reader"
        raise ValueError(f"{where}: it needs a loading script, which is not run ({error}); {remedy}") from error
    return rows


def _below(folder: str, file: str) -> bool:
    """Whether a name stays in a folder; a link in there may lead on, it is the reader's own."""
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder))
