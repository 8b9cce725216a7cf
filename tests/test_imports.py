"""Imports run one way, as DESIGN.md draws them."""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest

# From the ground up: a module imports from its own floor or from a lower one.
FLOORS = [
    {
        "config",
        "options",
        "injected",
        "budgets",
        "parameters",
        "task_parameters",
        "languages",
        "runs",
        "slices",
        "results",
        "metrics",
        "objective",
        "stats",
        "stats_plots",
        "drawing",
        "plots",
        "task_plots",
        "formulas",
        "pages",
        "progress",
        "initialise",
        "optimiser",
        "fused",
        "processes",
        "workers",
        "blockwise",
        "products",
        "interrupts",
    },
    {"hub", "corpus", "tokenizer", "student", "split", "tokens", "table1", "atlas"},
    {
        "teacher",
        "batches",
        "checkpoint",
        "answers",
        "evaluate",
        "journal",
        "trainee",
        "encoder",
        "terms",
        "record",
        "teacher_cache",
    },
    {"pretrain", "teacher_pass", "modelcard", "tasks"},
    {"matrix", "finetune"},
    {"recipes", "widgets", "headless", "demo", "train"},
]
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# These take tensors, numbers or tables; of ours they may know the options' types, the looks, or the tables' schema.
SELF_CONTAINED = {
    "objective": {"config"},
    "fused": {"config", "objective", "blockwise", "products"},
    "blockwise": {"config", "products"},
    "products": {"config"},
    "metrics": {"config"},
    "stats": {"results", "runs"},
    "stats_plots": {"drawing"},
    "plots": {"config", "drawing"},
    "task_plots": {"config", "drawing"},
    "drawing": {"config"},
    "options": {"injected"},
}


def imported(tree, package):
    """Dotted names below ``unibert_lib`` that a module imports; ``package`` resolves relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("unibert_lib."):
                    yield alias.name.split(".", 1)[1]
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                base = ["unibert_lib", *package][: len(package) + 2 - node.level] + base
            if base[:1] == ["unibert_lib"]:
                for alias in node.names:
                    yield ".".join([*base[1:], alias.name])


@pytest.fixture(scope="module")
def graph(repository):
    """module -> what it imports, dotted below ``unibert_lib``; a package stands for its ``__init__``."""
    root = repository / "unibert_lib"
    files = {path: path.relative_to(root).with_suffix("").parts for path in root.rglob("*.py")}
    names = {".".join(p for p in parts if p != "__init__") for parts in files.values()}
    edges = {}
    for path, parts in files.items():
        module = ".".join(p for p in parts if p != "__init__")
        found = set()
        for dotted in imported(ast.parse(path.read_text(encoding="utf-8")), parts[:-1]):
            while dotted and dotted not in names:  # the tail may be a function: from unibert_lib.corpus import build
                dotted = dotted.rpartition(".")[0]
            found.add(dotted)
        edges[module] = found - {module, ""}
    return edges


def room(module):
    return module.split(".")[0]


def floor(module):
    return FLOOR.get(room(module), 0)


def test_every_module_has_a_floor(graph):
    assert {room(module) for module in graph if module} - set(FLOOR) == set(), "add the new module to FLOORS"


def test_imports_run_downward(graph):
    upward = [f"{m} -> {i}" for m, found in graph.items() if m for i in found if floor(i) > floor(m)]
    assert upward == []


def test_there_is_no_circle(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


def test_what_takes_tensors_or_tables_knows_nothing_of_ours(graph):
    for module in graph:
        if room(module) in SELF_CONTAINED:
            assert {room(name) for name in graph[module]} <= SELF_CONTAINED[room(module)] | {room(module), "options"}, (
                module
            )


def test_only_recipes_imports_the_atlas(graph):
    users = {room(module) for module, found in graph.items() if any(room(name) == "atlas" for name in found)}
    assert users - {"atlas"} <= {"recipes"}


def test_the_package_itself_loads_nothing(graph):
    assert graph[""] == set()


@pytest.mark.parametrize(
    ("line", "package", "expected"),
    [
        ("from unibert_lib import config", (), {"config"}),
        ("import unibert_lib.corpus.dumps", (), {"corpus.dumps"}),
        ("from unibert_lib.corpus import build", (), {"corpus.build"}),
        ("from .dumps import Page", ("corpus",), {"corpus.dumps.Page"}),
        ("from .. import config", ("corpus",), {"config"}),
        ("import torch", (), set()),
    ],
)
def test_the_reader_of_imports_sees_every_form(line, package, expected):
    assert set(imported(ast.parse(line), package)) == expected
