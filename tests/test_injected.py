"""Papermill's cell gives plain values to plain names, or it does not run."""

from __future__ import annotations

import base64
import dataclasses
import math
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest
import traitlets.config
import yaml
from IPython.core.interactiveshell import InteractiveShell

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
    assert config.parse_parameters({"seed": 1}, _Seed).seed == 1


IMPORTS = "from unibert_lib import config, parameters"
CELL = 'budget = "demo"\nseed = 0\nruns = None  # a folder\ndevice = "auto"'
PARSE = "params = config.parse_parameters(globals(), parameters.StartParameters)"

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run cells in a fresh shell; answers what the last one failed with, or the seed that was read last."""
    settings = traitlets.config.Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=settings, user_module=types.ModuleType("notebook"))
    monkeypatch.setattr(injected, "_shell", lambda: shell)
    monkeypatch.setattr(injected, "_fields", None)
    injected.watch()

    def run(*cells: str) -> str:
        for cell in cells:
            answer = shell.run_cell(cell, store_history=True)
            if not answer.success:
                return str(answer.error_before_exec or answer.error_in_exec)
        return f"seed {shell.user_ns['params'].seed}"

    return run


def test_a_notebook_is_read_again_and_again(run: Run) -> None:
    assert run(IMPORTS, CELL, PARSE) == "seed 0"
    assert run(PARSE, PARSE) == "seed 0"
    assert run(IMPORTS, CELL, PARSE) == "seed 0"
    assert run(CELL.replace("seed = 0", "seed = 5"), PARSE) == "seed 5"
    assert run("seed = 6", PARSE) == "seed 6", "a parameter may be set in a cell of one's own"


def test_a_reader_may_call_their_own_names_what_they_like(run: Run) -> None:
    own = "x = 3\nrow, h = [1], {}\nsead = 7\n_y = None\ndef found(): pass"
    assert run(own, IMPORTS, own, CELL, own, PARSE, own, PARSE) == "seed 0"


def test_papermills_cell_is_read_again_and_again(run: Run) -> None:
    given = "# Parameters\nseed = 4\n"
    assert run(IMPORTS, CELL, given, PARSE, CELL, given, PARSE, PARSE) == "seed 4"
    assert run(given.replace("4", "9"), PARSE) == "seed 9", "edited and run alone"
    assert run(given, CELL, PARSE) == "seed 0", "above, it is overwritten"


@pytest.mark.parametrize("before", [[], [CELL, PARSE], [CELL, PARSE, "x = 3", PARSE]], ids=["first", "second", "later"])
@pytest.mark.parametrize("wrong", ["sead = 4\n", "seed = 4\nsead = 5\n"])
def test_a_misspelt_name_of_papermills_is_refused_in_each_pass(run: Run, before: list[str], wrong: str) -> None:
    assert "did you mean seed" in run(IMPORTS, *before, CELL, "# Parameters\n" + wrong, PARSE)
    assert run("# Parameters\nseed = 4\n", PARSE) == "seed 4", "mended"


def test_a_misspelt_name_in_the_parameters_cell_is_refused_until_it_is_mended(run: Run) -> None:
    assert "unknown parameter 'sead'; did you mean seed" in run(IMPORTS, CELL.replace("seed", "sead"), PARSE)
    assert "did you mean device" in run(CELL + "\ndevise = 'cpu'", PARSE)
    assert run(CELL, PARSE) == "seed 0"


@pytest.mark.parametrize("before", [[], [CELL, PARSE], [CELL, PARSE, "x = 3", PARSE]], ids=["first", "second", "later"])
def test_code_in_papermills_cell_does_not_run_in_any_pass(run: Run, before: list[str]) -> None:
    assert "line 2: no assignment" in run(IMPORTS, *before, CELL, "# Parameters\nseed = print()")


def test_a_readers_own_cell_may_begin_as_papermills_does(run: Run) -> None:
    assert run(IMPORTS, CELL, PARSE, "# Parameters\nimport os\nown = os.getcwd()", PARSE) == "seed 0"
    assert run("# Parameters\nown = 3", PARSE) == "seed 0"


def test_a_cell_that_does_more_than_give_values_is_no_parameters_cell(run: Run) -> None:
    assert run(IMPORTS, CELL, "sead = 1\nprint(sead)\n" + CELL, PARSE) == "seed 0"


def test_a_mapping_is_checked_whole_in_a_kernel_too(run: Run) -> None:
    strict = PARSE.replace("globals()", "{'seed': 3, 'sead': 4}")
    assert "did you mean seed" in run(IMPORTS, CELL, strict)


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
