"""Whether a source is what its publisher put up, and still what the corpus was begun from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from unibert_lib import runs
from unibert_lib.corpus.records import FormatError
from unibert_lib.corpus.shards import finished
from unibert_lib.corpus.stream import DOWNLOAD_AGAIN

SOURCES = "sources.json"
# Wikimedia puts them beside its dumps: nlwiki-20240101-sha1sums.txt, with lines "<hex>  <file>".
_LINE = re.compile(r"([0-9a-fA-F]{32,128}) [ *](\S.*)")
_HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


def check_published(path: Path) -> None:
    """Compare a file with the checksums that lie beside it in ``*sums.txt``; nothing happens where there are none.

    Raises
    ------
    FormatError
        If a checksum differs.

    Source: ours (RELIABILITY, row 2).
    """
    for table in sorted(path.parent.glob("*sums.txt")):
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            found = _LINE.fullmatch(line.strip())
            if found is None or found[2] != path.name or len(found[1]) not in _HASHES:
                continue
            name = _HASHES[len(found[1])]
            with path.open("rb") as stream:
                own = hashlib.file_digest(stream, name).hexdigest()
            if own != found[1].lower():
                reason = f"its {name} is {own}, and {table.name} says {found[1].lower()}"
                raise FormatError(path, reason, remedy=DOWNLOAD_AGAIN)


def hold(out: Path, sources: Mapping[str, Sequence[Path]]) -> None:
    """Keep the fingerprint of each language's files in ``sources.json``; a finished language is held to its own.

    Raises
    ------
    ValueError
        If the files of a finished language have changed since.

    Source: ours (RELIABILITY, row 13).
    """
    path = out / SOURCES
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    marks = {code: runs.fingerprint(*files) for code, files in sources.items() if files}
    for code, mark in marks.items():
        if known.get(code) not in (None, mark) and finished(out, code) is not None:
            names = ", ".join(str(file) for file in sources[code][:3])
            raise ValueError(
                f"{out}: {code!r} was built from other contents of {names}: choose another folder, or, to build the "
                f"language again, delete {out / code}"
            )
    if marks.items() - known.items():
        runs.write_json(path, {**known, **marks})
