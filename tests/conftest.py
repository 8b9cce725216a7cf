"""What every test shares: no network, shapes checked, few threads, the genuine files where they are."""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # two workers on two cores: one thread each, kernels included
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from jaxtyping import install_import_hook

# Before the first import of the library: every jaxtyping shape in a signature is checked by beartype,
# with PEP 484's tower (an int is welcome where a float is asked for).
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
install_import_hook("unibert_lib", CHECKER)

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder that holds ``data/wikidumps``, ``data/mbert_vocab`` and the other genuine files."""
    asked = os.environ.get("UNIBERT_SHARED")
    candidates = [Path(asked)] if asked else [REPOSITORY / "shared", REPOSITORY.parent / "shared"]
    for candidate in candidates:
        if (candidate / "data").is_dir():
            return candidate
    places = " or ".join(str(candidate) for candidate in candidates)
    pytest.skip(f"no genuine files at {places}; UNIBERT_SHARED names the folder that holds data/")
