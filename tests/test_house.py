"""The house rules: one set of versions, one test command, notebooks without outputs, no machine's paths."""

import re
import stat
import subprocess
import tomllib

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins(repository):
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.fixture(scope="module")
def tracked(repository):
    """Every file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [repository / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def requirements(project):
    extras = project["project"]["optional-dependencies"]
    return [Requirement(line) for group in (project["project"]["dependencies"], *extras.values()) for line in group]


def test_every_range_of_pyproject_admits_the_pin_of_constraints(project, pins):
    for requirement in requirements(project):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} has no exact version in constraints.txt"
        assert requirement.specifier.contains(pin), (
            f"constraints.txt pins {requirement.name}=={pin}, outside {requirement}"
        )


def test_every_dependency_states_its_reason(repository):
    lines = (repository / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    declared = [line for line in lines if re.match(r'    "[A-Za-z][\w-]*[<>=]', line)]
    assert len(declared) > 20
    assert [line for line in declared if "#" not in line] == []


def test_the_conda_environment_installs_through_the_same_constraints(repository):
    environment = yaml.safe_load((repository / "environment.yml").read_text(encoding="utf-8"))
    python, pip, section = environment["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert section == {"pip": ["-c constraints.txt", "-e .[dev]"]}


def test_security_floors_hold(project):
    ranges = {requirement.name: requirement.specifier for requirement in requirements(project)}
    for name, below in {"torch": "2.9.1", "transformers": "5.2.0", "nbconvert": "7.16.6"}.items():
        assert not ranges[name].contains(below)


def test_ci_runs_exactly_the_test_command_of_the_readme(repository):
    script = repository / ".ci" / "run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test"
    assert script.stat().st_mode & stat.S_IXUSR
    assert re.search(r"^make test\b", (repository / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_hooks_need_no_network(repository):
    config = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [entry["repo"] for entry in config["repos"]] == ["local"]
    assert {hook["language"] for entry in config["repos"] for hook in entry["hooks"]} == {"system"}


def test_no_file_names_a_place_on_one_machine(tracked):
    # Put together here, so that this file does not hold what it looks for.
    places = re.compile(
        "|".join(f"[\"'(\\s=]/{name}/" for name in ("root", "home", "work", "opt", "Users", "mnt")).encode()
    )
    found = [path.name for path in tracked if path.suffix not in {".bz2", ".gz"} and places.search(path.read_bytes())]
    assert found == []


def test_no_file_is_larger_than_a_megabyte(tracked):
    assert [path.name for path in tracked if path.stat().st_size > 2**20] == []


def notebooks(tracked):
    return [(path, nbformat.read(path, as_version=4)) for path in tracked if path.suffix == ".ipynb"]


def test_notebooks_are_committed_without_outputs(tracked):
    for path, notebook in notebooks(tracked):
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3", path.name
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None, f"{path.name}: run make format"


def test_code_cells_are_short(tracked):
    for path, notebook in notebooks(tracked):
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        cells = [
            cell for cell in cells if "parameters" not in cell.metadata.get("tags", [])
        ]  # one a line, however many
        lengths = sorted(len(cell.source.splitlines()) for cell in cells)
        assert lengths[-1] <= 15, f"{path.name}: a cell of {lengths[-1]} lines"
        assert lengths[len(lengths) // 2] <= 6, f"{path.name}: median of {lengths[len(lengths) // 2]} lines"
