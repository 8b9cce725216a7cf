"""Notebook 03's training without its notebook, in one process or several.

``python -m unibert_lib.train -p size small`` takes the notebook's parameters, by name or from a file:
``torchrun --nproc_per_node 8 -m unibert_lib.train -f notebooks/parameters/03_paper.yaml -p size all``.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock
from torch.distributed.elastic.multiprocessing.errors import record

from unibert_lib import processes, recipes, runs, workers
from unibert_lib.options import parse_parameters
from unibert_lib.parameters import PretrainParameters


def read(arguments: Sequence[str] | None = None) -> PretrainParameters:
    """Notebook 03's parameters from a command line; under torchrun ``num_processes`` is torchrun's.

    Raises
    ------
    ValueError
        For a name or value that the notebook would refuse, or another number of processes than torchrun started.
    """
    parser = argparse.ArgumentParser(prog="python -m unibert_lib.train", description="Notebook 03 without its notebook")
    parser.add_argument(
        "-f", dest="files", action="append", default=[], metavar="FILE", help="parameters in YAML or JSON"
    )
    parser.add_argument("-p", dest="given", action="append", default=[], nargs=2, metavar=("NAME", "VALUE"))
    asked = parser.parse_args(arguments)
    values: dict[str, Any] = {}
    for file in asked.files:
        text = Path(file).read_text(encoding="utf-8")
        values |= json.loads(text) if file.endswith(".json") else yaml.safe_load(text)  # to YAML 1e-6 is text
    values |= {name: _value(text) for name, text in asked.given}
    if processes.launched():
        if values.get("num_processes", 1) not in (1, processes.size()):
            raise ValueError(
                f"num_processes={values['num_processes']}, but torchrun started {processes.size()}; leave it out"
            )
        values["num_processes"] = processes.size()
    return parse_parameters(values, PretrainParameters)


def _value(text: str) -> Any:
    """Numbers, None, True, lists and the like as such, anything else as text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


@record  # leaves an error's message where torchrun finds it
def main(arguments: Sequence[str] | None = None) -> None:
    if processes.launched():  # torchrun's process is the parent; a notebook's kernel may stand above it
        workers.end_with(os.getppid(), int(os.environ.get(workers.LEADER, os.getppid())))
    params = read(arguments)
    home = runs.root(params.runs)
    with runs.writing(home):
        home.mkdir(parents=True, exist_ok=True)
        first = FileLock(home / ".inputs.lock").acquire()
    try:
        with first:  # the first process makes what is missing, the others find it
            recipes.ensure_tokens(params)
            recipes.ensure_tokenizer(params)
        folders = recipes.ensure_student(params)
    finally:
        processes.leave()
    if processes.rank() == 0:
        print(*folders.values(), sep="\n")


if __name__ == "__main__":
    main()
