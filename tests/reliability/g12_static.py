"""G12: what the sources never do, and the floors of three packages."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import nbformat
from packaging.requirements import Requirement
from packaging.version import Version

from tests.reliability.goal import Goal, Outcome, Plan
from unibert_lib.runs import REPOSITORY

FLOORS = {"torch": "2.10", "transformers": "5.3", "nbconvert": "7.17"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
UNPICKLING = {"load", "loads", "Unpickler", "open", "decode"}
READERS = {"read_pickle", "unsafe_load", "full_load", "unpack_archive", "extractall"}
SHELLS = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput")}
TRUE_ONLY = {"weights_only": True, "trust_remote_code": False, "shell": False, "allow_pickle": False}
# One planted line for each thing looked for: the control.
PLANTED = (
    "torch.load('a')",
    "torch.load('a', weights_only=False)",
    "torch.load('a', weights_only=lazy)",
    "import pickle; pickle.loads(b'')",
    "from pickle import load",
    "import pickle as p; p.Unpickler(f)",
    "pd.read_pickle('a')",
    "np.load('a', allow_pickle=True)",
    "AutoModel.from_pretrained('a', trust_remote_code=True)",
    "AutoModel.from_pretrained('a', **{'trust_remote_code': True})",
    "options = dict(trust_remote_code=True)",
    "eval('1')",
    "exec('1')",
    "import builtins; builtins.eval('1')",
    "subprocess.run('ls', shell=True)",
    "subprocess.run('ls', shell=1)",
    "os.system('ls')",
    "yaml.load(text)",
    "yaml.load(text, Loader=yaml.Loader)",
    "yaml.unsafe_load(text)",
    "shutil.unpack_archive('a')",
    "tar.extractall()",
    "__import__('os')",
    "import xml.etree.ElementTree",
    "AutoModel.from_pretrained('a')",
)
IN_THE_LIBRARY = PLANTED[-2:]  # tests and notebooks may: their files are our own


def findings(source: str, library: bool) -> Iterator[tuple[int, str]]:
    """Line and reason of everything in a module that reads code as data."""
    tree = ast.parse(source)
    pickles = set(PICKLES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            pickles |= {alias.asname for alias in node.names if alias.asname and alias.name in PICKLES}
            if library and any(alias.name.split(".")[0] in PICKLES for alias in node.names):
                yield node.lineno, "a pickle module"
            if library and any(alias.name.startswith(("xml.etree", "xml.dom", "xml.sax")) for alias in node.names):
                yield node.lineno, "an XML parser that expands entities"
        if isinstance(node, ast.ImportFrom) and node.module in PICKLES:
            yield from (
                (node.lineno, f"{alias.name} of {node.module}") for alias in node.names if _reads(alias, library)
            )
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in TRUE_ONLY and not _is(value, TRUE_ONLY[key.value]):
                    yield node.lineno, f"{key.value} in a dict"
        if isinstance(node, ast.Call):
            yield from ((node.lineno, reason) for reason in _call(node, pickles, library))


def _reads(alias: ast.alias, library: bool) -> bool:
    return library or alias.name in UNPICKLING


def _call(node: ast.Call, pickles: set[str], library: bool) -> Iterator[str]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    of = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    for option, only in TRUE_ONLY.items():
        if option in given and not _is(given[option], only):
            yield f"{option} is not {only}"
    if name in ("eval", "exec", "__import__") and (isinstance(called, ast.Name) or of == "builtins"):
        yield name
    if (of in pickles and name in UNPICKLING) or name in READERS or (of, name) in SHELLS:
        yield f"{of}.{name}"
    if (of, name) == ("torch", "load") and "weights_only" not in given:
        yield "torch.load without weights_only=True"
    if (of, name) == ("yaml", "load") and "Safe" not in ast.unparse(given.get("Loader", ast.Constant(""))):
        yield "yaml.load without a safe loader"
    if library and name == "from_pretrained" and of != "hub" and not _is(given.get("trust_remote_code"), False):
        yield "from_pretrained without trust_remote_code=False"


def _is(value: ast.expr | None, constant: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is constant


def sources(root: Path) -> Iterator[tuple[str, str, bool]]:
    """(where, source, whether it is the library's) of every module and notebook cell; a shell line is no Python."""
    for path in sorted([*root.glob("unibert_lib/**/*.py"), *root.glob("tests/**/*.py")]):
        library = path.is_relative_to(root / "unibert_lib")
        yield str(path.relative_to(root)), path.read_text(encoding="utf-8"), library
    for path in sorted(root.glob("notebooks/**/*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "code":
                yield f"{path.relative_to(root)}, cell {number}", cell.source, False


def below(name: str, floor: str) -> list[str]:
    """How a package's range in pyproject.toml, or what is installed, falls below its floor."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {requirement.name: requirement.specifier for requirement in map(Requirement, project["dependencies"])}
    under = f"{Version(floor).major}.{Version(floor).minor - 1}.99"
    installed = metadata.version(name)
    found = [f"pyproject.toml admits {name} {under}"] if ranges[name].contains(under) else []
    return found + ([f"{name} {installed} is installed, below {floor}"] if Version(installed) < Version(floor) else [])


def check(plan: Plan, root: Path = REPOSITORY) -> Outcome:
    failures, lines, files = [], 0, set()
    for where, source, library in sources(root):
        lines, files = lines + len(source.splitlines()), {*files, where.split(",")[0]}
        try:
            failures += [f"{where}, line {line}: {reason}" for line, reason in findings(source, library)]
        except SyntaxError as error:  # "!ls", "%system ls"
            failures.append(f"{where}, line {error.lineno}: no Python")
    floors = [reason for name, floor in FLOORS.items() for reason in below(name, floor)]
    figures = {"files": len(files), "lines": lines, "looked for": len(PLANTED), "found": len(failures)}
    return Outcome(not failures and not floors, figures, tuple(failures + floors))


def control(plan: Plan) -> Outcome:
    """Each planted line alone: one that passes unnoticed would make the goal's check worthless."""
    missed = []
    for number, line in enumerate(PLANTED):
        root = plan.folder / str(number)
        for place in ("unibert_lib",) if line in IN_THE_LIBRARY else ("unibert_lib", "tests"):
            (root / place).mkdir(parents=True, exist_ok=True)
            (root / place / "planted.py").write_text(f"{line}\n", encoding="utf-8")
            if check(plan, root).met:
                missed.append(f"{place}: {line}")
            (root / place / "planted.py").unlink()
    if not below("torch", "99.0"):
        missed.append("a floor above what is installed")
    return Outcome(bool(missed), {"planted": len(PLANTED), "missed": len(missed)}, tuple(missed))


GOALS = (
    Goal(
        "G12",
        "no pickle, eval, exec, shell or code of a model folder anywhere; three version floors",
        check,
        control,
        "one forbidden line at a time, in the library and in the tests, and a floor",
    ),
)
