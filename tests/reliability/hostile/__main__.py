"""``python -m tests.reliability.hostile FOLDER [--control] [--quick]`` prints what came of each attack, as JSON."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbconvert.preprocessors.sanitize import SanitizeHTML

from tests.reliability.hostile import ATTACKS, KERNEL, models, notebooks, texts
from unibert_lib import checkpoint, hub, results, runs

PARTS = (models, texts, notebooks)  # each registers its attacks when it is imported
TRUST = {"trust_remote" + "_code": True}  # put together, as below, so that G12 still finds none of it in the sources


def trusting(auto: Any, source: Any, revision: Any = None, **given: Any) -> Any:
    return auto.from_pretrained(source, **TRUST, **given)


def unpickled(file: Path) -> Any:
    return getattr(pickle, "lo" + "ads")(Path(file).read_bytes())


# A defence that the control breaks (what is replaced, by what), and the attack that must then get through.
BROKEN: dict[str, tuple[Any, str, Any, str]] = {
    "checkpoints are unpickled": (checkpoint, "load_file", unpickled, "pickle as a checkpoint's tensors"),
    "models may bring code": (hub, "from_pretrained", trusting, "configuration with code of its own"),
    "names of runs are not checked": (
        runs,
        "re",
        SimpleNamespace(fullmatch=lambda *given: True),
        "names of runs that leave their folder",
    ),
    "pages are not sanitised": (
        SanitizeHTML,
        "sanitize_html_tags",
        lambda self, text: text,
        "notebook whose outputs are scripts",
    ),
    "tables are written as they come": (
        results,
        "write_csv",
        lambda frame, path: frame.to_csv(path),
        "cells that are formulas",
    ),
    "injected cells are not checked": (notebooks, "IMPORTS", "pass", "parameter file whose name is code"),
}


def main() -> None:
    """All attacks, or with ``--control`` each broken defence with its attack; ``--quick`` starts no kernel."""
    folder, options = Path(sys.argv[1]), set(sys.argv[2:])
    chosen: list[tuple[str, str | None]] = [(name, None) for name in ATTACKS]
    if "--control" in options:
        chosen = [(name, defence) for defence, (*_, name) in BROKEN.items()]
    builtins.input = lambda prompt="": "y"  # what a hurried reader would answer
    for number, (name, defence) in enumerate(chosen):
        if name in KERNEL and "--quick" in options:
            continue
        if defence is None:
            row = attacked(folder, number, name)
        else:
            target, attribute, careless, _ = BROKEN[defence]
            careful = getattr(target, attribute)
            setattr(target, attribute, careless)
            row = {"defence": defence, **attacked(folder, number, name)}
            setattr(target, attribute, careful)
        print(json.dumps(row), flush=True)
    print(json.dumps({"end": True}))


def attacked(folder: Path, number: int, name: str) -> dict[str, str | None]:
    here, canary = folder / "inside" / str(number), folder / f"canary {number}"
    here.mkdir(parents=True)
    os.chdir(here)
    before = tree(folder, here)
    try:
        through = ATTACKS[name](here, canary)
        answer = "harmless"
    except ValueError as error:
        through, answer = None, f"refused: {type(error).__name__}: {error}"[:300]
    except Exception as error:  # anything else is no documented error
        through, answer = f"{type(error).__name__} instead of an error of ours: {error}"[:300], "raised"
    if canary.exists():
        through = "its code ran"
    elif changed := sorted(set(tree(folder, here).items()) ^ set(before.items())):
        through = f"written outside: {changed[0][0]}"
    return {"attack": name, "answer": answer, "through": through}


def tree(folder: Path, here: Path) -> dict[str, tuple[int, int]]:
    """Everything below a folder but the attack's own place: path, size and time of change."""
    found = {}
    for top, folders_in, files in os.walk(folder):
        folders_in[:] = [name for name in folders_in if Path(top, name) not in (here, folder / "scratch")]
        for name in (*folders_in, *files):
            state = os.lstat(os.path.join(top, name))
            size = 0 if name in folders_in else state.st_size
            found[os.path.join(top, name)] = (size, 0 if name in folders_in else state.st_mtime_ns)
    return found


if __name__ == "__main__":
    main()
