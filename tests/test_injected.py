"""Papermill's cell gives plain values to plain names, or it does not run."""

from __future__ import annotations

import base64
import dataclasses
import math
import os
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

from tests.reliability import books
from unibert_lib import config, demo, injected


@pytest.mark.parametrize(
    "line",
    ["seed = 3", "seed = -1.5e-3", 'data = "a; import os"', "options = {'a': [1, None, True]}", "languages = ['sw']"],
)
def test_what_papermill_writes_for_plain_parameters_passes(line: str) -> None:
    assert injected.refuse(f"# Parameters\n{line}\n", {"seed": 0, "config": config}) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("seed = 1; import os", "line 2: no assignment of a plain value"),
        ("seed: print() = 1", "line 2: no assignment of a plain value"),
        ("seed = print()", "line 2: no assignment of a plain value"),
        ("seed = (1 for _ in [])", "line 2: no assignment of a plain value"),
        ('seed = ["(\'" + str(1) + "\')"]', "line 2: no assignment of a plain value"),
        ("seed.x = 1", "line 2: no assignment of a plain value"),
        ("seed = other = 1", "line 2: no assignment of a plain value"),
        ("!touch file = 1", "line 2: no assignment"),
        ("%cd = 1", "line 2: no assignment"),
        ("two words = 1", "line 2: no assignment"),
        ("class = 1", "line 2: no assignment"),
        ("budget = 1\nglobals = 1", "line 3: unknown parameter 'globals'"),
        ("__import__ = 1", "line 2: unknown parameter '__import__'"),
        ("_seed = 1", "line 2: unknown parameter '_seed'"),
        ("config = 1", "line 2: unknown parameter 'config'"),
        ("parse = 1", "line 2: unknown parameter 'parse'"),
    ],
)
def test_code_and_names_that_are_taken_are_refused_with_their_line(line: str, reason: str) -> None:
    namespace = {"seed": 0, "config": config, "parse": config.parse_parameters}
    assert isinstance(config, types.ModuleType)
    assert str(injected.refuse(f"# Parameters\n{line}\n", namespace)).startswith(reason)


@pytest.mark.xdist_group("notebooks")
@pytest.mark.parametrize(
    "given",
    [
        "seed=1;open('canary','w')#: 1",
        'seed: !!pairs [ \'"+str(open(chr(99)+"anary", "w"))+"\': 1 ]',
        "seed: !!binary " + base64.b64encode(b'"; open("canary","w"); "').decode(),
    ],
    ids=["name", "pairs", "binary"],
)
def test_a_hostile_parameter_file_runs_nothing_through_papermill_itself(tmp_path: Path, given: str) -> None:
    yaml.safe_load(given)
    cell = nbformat.v4.new_code_cell
    cells = [cell("from unibert_lib import config, parameters", id="imports")]
    cells += [
        cell("seed = 0", id="parameters", metadata={"tags": ["parameters"]}),
        cell("open('work', 'w')", id="work"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=books.KERNEL), tmp_path / "a.ipynb")
    (tmp_path / "given.yaml").write_text(given, encoding="utf-8")
    command = [sys.executable, "-m", "papermill", "a.ipynb", "out.ipynb", "-f", "given.yaml", "--no-progress-bar"]
    environment = demo.kernel_environment(tmp_path / "jupyter")
    path = os.pathsep.join([str(Path(injected.__file__).parents[1]), environment.get("PYTHONPATH", "")])
    environment = {**environment, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "Nothing was run" in done.stderr
    assert not (tmp_path / "canary").exists() and not (tmp_path / "work").exists()
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[0].source.startswith("<span")


@dataclasses.dataclass(frozen=True)
class _Seed:
    seed: int = 0


def test_outside_a_notebook_there_is_nothing_to_watch() -> None:
    injected.watch()
    injected.rest()
    assert config.parse_parameters({"seed": 1}, _Seed).seed == 1


class _Shell:
    def __init__(self) -> None:
        self.input_transformers_cleanup: list[object] = []
        self.user_ns: dict[str, object] = {}


def test_the_watch_ends_when_the_parameters_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = _Shell()
    monkeypatch.setattr(injected, "_shell", lambda: shell)
    injected.watch()
    injected.watch()
    [check] = shell.input_transformers_cleanup
    with pytest.raises(ValueError, match=r"parameters, line 2: no assignment.*Nothing was run"):
        check(["# Parameters\n", "import os\n"])  # type: ignore[operator]
    assert check(["# Another\n", "import os\n"]) == ["# Another\n", "import os\n"]  # type: ignore[operator]
    config.parse_parameters({"seed": 1}, _Seed)
    assert shell.input_transformers_cleanup == []


@pytest.mark.parametrize(
    "name", ["seed=1;import os", "a b", "class", "_x", "__import__", "a.b", "!ls", "", "1a", "a\nb"]
)
def test_only_plain_names_become_parameters(name: str) -> None:
    with pytest.raises(ValueError, match="no plain name"):
        injected.check_given({name: 1})


@pytest.mark.parametrize("value", [b"x", {1}, math.inf, math.nan, object(), [object()], {"a": b"x"}, np.float64(1)])
def test_only_plain_values_become_parameters(value: object) -> None:
    with pytest.raises(ValueError, match="parameter x="):
        injected.check_given({"x": value})


def test_plain_values_keep_their_types() -> None:
    given = {"a": None, "b": True, "c": 1e-5, "d": ("x", 1), "e": {"f": [2]}, "g": Path("h i"), "j": "1e5"}
    plain = {"a": None, "b": True, "c": 1e-5, "d": ["x", 1], "e": {"f": [2]}, "g": "h i", "j": "1e5"}
    assert injected.check_given(given) == plain
