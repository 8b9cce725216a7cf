"""Where a run lives, what it is made of, and who holds it.

``runs/<kind>/<name>/`` holds ``config.json``, the fingerprints of its inputs, the code version, the
environment and, once finished, ``DONE``. The same name with another configuration is an error.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = ("torch", "transformers", "tokenizers", "datasets", "numpy")


class RunError(ValueError):
    """A run folder that cannot be used as asked; the message names the folder and the remedy."""


class NotWritten(OSError):
    """A file or folder that could not be written, as on a full disk; the message names it and the remedy."""


def root(path: str | Path | None = None) -> Path:
    """The folder of all runs: ``path``, else ``UNIBERT_RUNS``, else ``runs/`` in the repository."""
    return Path(path or os.environ.get("UNIBERT_RUNS") or REPOSITORY / "runs").expanduser().resolve()


def short(path: Path) -> str:
    """A path as its reader needs it: from the repository on, or its last three parts (``runs/pretrain/name``)."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else "/".join(path.parts[-3:])


def fingerprint(*parts: Any) -> str:
    """sha256 (hex) of files, folders or plain values.

    A folder counts by the relative names and contents of its files; hidden files and locks do not count.
    Source: ours.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(p for p in part.rglob("*") if p.is_file()) if part.is_dir() else [part]
            if not files or not all(f.exists() for f in files):
                raise RunError(f"{part}: no such file, or an empty folder; nothing to take a fingerprint of")
            for file in files:
                relative = file.relative_to(part) if part.is_dir() else Path(file.name)
                if any(p.startswith(".") for p in relative.parts) or file.suffix == ".lock":
                    continue
                state = file.stat()
                digest.update(str(relative).encode())
                digest.update(_contents(file, state.st_size, state.st_mtime_ns))
        else:
            digest.update(json.dumps(plain(part), sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()


@cache
def _contents(file: Path, size: int, changed: int) -> bytes:
    """sha256 of a file, read once a process: a corpus is asked for its fingerprint several times a notebook."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def plain(value: Any) -> Any:
    """Dataclasses, paths and tuples as what JSON keeps of them."""
    if isinstance(value, str):  # most of a vocabulary's 119,547 values
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def code_version() -> str:
    """The commit (with ``-dirty`` where files differ), or the package's version outside a checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return described.stdout.strip() or _package_version("unibert_lib")


def _package_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def write_json(path: Path, value: Any) -> None:
    """Write whole or not at all: a staging file, flushed to disk, then one rename.

    Raises
    ------
    NotWritten
        If the disk is full; what stood at ``path`` still does.

    Source: ours.
    """
    staging = path.with_name(f".{path.name}.staging")
    with writing(path):
        try:
            with staging.open("w", encoding="utf-8") as stream:
                json.dump(plain(value), stream, indent=2, ensure_ascii=False, sort_keys=True)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(staging, path)
        except OSError:
            staging.unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whoever says within it that the disk took no more, it becomes a :class:`NotWritten` that names ``path``.

    Source: ours.
    """
    try:
        yield
    except NotWritten:
        raise
    except Exception as error:  # safetensors and tokenizers tell of the disk with types of their own
        if not isinstance(error, OSError) and "(os error " not in str(error):
            raise
        raise NotWritten(
            f"{path}: not written ({error}). Free some disk space and run the same again; "
            "what was finished before is untouched"
        ) from error


@dataclass
class Run:
    """A run's folder. Use it as a context manager to hold its lock while working in it."""

    path: Path
    fingerprint: str

    def __post_init__(self) -> None:
        self._lock = FileLock(self.path / ".lock")

    @property
    def done(self) -> bool:
        return (self.path / "DONE").exists()

    def say_done(self) -> None:
        """One line for whoever asks again for what is finished: else a second pass would look as if it did nothing."""
        where = short(self.path)
        print(f"this run exists already and is taken as it is: {where}. Other parameters or another name make another")

    def finish(self, summary: Mapping[str, Any] | None = None) -> None:
        write_json(self.path / "DONE", {"fingerprint": self.fingerprint, **(summary or {})})

    def __enter__(self) -> Run:
        with writing(self.path):
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise RunError(
                    f"{self.path}: another process works in this run; wait for it, "
                    "or give this one another name (-p name ...)"
                ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def open_run(
    kind: str,
    name: str | None,
    config: Any,
    inputs: Mapping[str, str],
    root: str | Path | None = None,
    label: str = "run",
) -> Run:
    """Open ``<root>/<kind>/<name>``, making it where it is new.

    ``inputs`` maps each input's name to its fingerprint. Without a name one is made of ``label`` and a short
    hash of configuration and inputs, so that equal work meets in one folder.

    Raises
    ------
    RunError
        If the name is not one plain folder name, or the folder holds another configuration or other
        inputs; the message lists what differs.

    Source: ours.
    """
    identity = {"config": plain(config), "inputs": dict(inputs)}
    mark = fingerprint(identity)
    name = name or f"{label}-{mark[:8]}"
    if not re.fullmatch(r"[\w][\w .+-]*", name):
        raise RunError(f"name={name!r}: letters, digits, '_', '-', '.' and spaces only, as it names a folder")
    path = globals()["root"](root) / kind / name
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / ".config.lock"):  # several processes open a run at once
            _describe(path / "config.json", identity, mark)
    return Run(path, mark)


def _describe(card: Path, identity: dict[str, Any], mark: str) -> None:
    """Write what a run is made of, or hold it against what is written."""
    if card.exists():
        try:
            known = json.loads(card.read_text(encoding="utf-8"))
            differences = _differences({k: known.get(k) for k in identity}, identity)
        except (ValueError, AttributeError, RecursionError) as error:
            raise RunError(
                f"{card}: no run card can be read ({error!r:.200}); remove {card.parent} if it is no longer needed, "
                "or choose another name"
            ) from error
        if differences:
            raise RunError(
                f"{card.parent} holds another run under this name. "
                f"Differences (there -> asked): {'; '.join(differences)}. "
                "Choose another name, or remove that folder if it is no longer needed."
            )
    else:
        versions = {package: _package_version(package) for package in ENVIRONMENT}
        environment = {"python": sys.version.split()[0], "platform": platform.platform(), **versions}
        write_json(card, {**identity, "fingerprint": mark, "code": code_version(), "environment": environment})


def _differences(old: Any, new: Any, where: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            d
            for k in sorted({*old, *new})
            for d in _differences(old.get(k), new.get(k), f"{where}.{k}" if where else k)
        ]
    return [] if old == new else [f"{where}: {old!r} -> {new!r}"]
