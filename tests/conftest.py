"""What every test shares: no network, shapes checked, few threads, the genuine files where they are."""

import os
import pkgutil
import signal
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # two workers on two cores: one thread each, kernels included
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background jobs are started so; tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from jaxtyping import install_import_hook

REPOSITORY = Path(__file__).resolve().parents[1]
# Before the first import of the library: every jaxtyping shape in a signature is checked by beartype,
# with PEP 484's tower (an int is welcome where a float is asked for). The atlas knows no tensor, makes sentences by the
# hundred thousand, and would take three times as long.
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
MODULES = [module.name for module in pkgutil.iter_modules([str(REPOSITORY / "unibert_lib")])]
install_import_hook([f"unibert_lib.{name}" for name in MODULES if name != "atlas"], CHECKER)


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


LINES = {
    "en": [
        "the cat sat on the mat",
        "a dog ran to the old house by the river",
        "birds sing",
        "rain falls again",
        "the sun",
    ],
    "es": ["el gato duerme en la casa", "un perro corre hacia la vieja casa del valle", "llueve", "hoy hace sol"],
    "nl": ["de kat zit op de mat", "een hond rende naar het oude huis bij de rivier", "vogels zingen", "het regent"],
}


def make_corpus(folder: Path, lines: dict[str, list[str]] = LINES, copies: int = 12) -> Path:
    """A corpus of parquet shards as 01 leaves it, of a few sentences with numbers to tell them apart."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for code, texts in lines.items():
        (folder / code).mkdir(parents=True)
        rows = [(str(i), f"{text} {i}") for i in range(copies) for text in texts]
        pages, kept = zip(*rows, strict=True) if rows else ((), ())
        pq.write_table(pa.table({"page": list(pages), "text": list(kept)}), folder / code / "part-00000.parquet")
    return folder


def make_store(folder: Path, vocab_size: int = 400):  # type: ignore[no-untyped-def]
    """A token store of three languages with a tokenizer trained on it (kept in ``folder / "tokenizer"``)."""
    from unibert_lib import tokenizer, tokens

    corpus = make_corpus(folder / "corpus")
    trained = tokenizer.train((line for texts in LINES.values() for line in texts), vocab_size)
    trained.save_pretrained(folder / "tokenizer")
    return tokens.write(corpus, trained, folder / "tokens", heldout_share=0.2)


def result_row(**changes):  # type: ignore[no-untyped-def]
    """A valid row of results, with some fields changed."""
    return {
        "model": "small",
        "checkpoint_sha": "abc",
        "preset": "recommended",
        "task": "ner",
        "dataset": "atlas",
        "dataset_sha": "def",
        "train_dataset": changes.get("dataset", "atlas"),
        "split": "test",
        "setting": "all",
        "train_languages": "de+en",
        "language": "en",
        "metric": "f1",
        "score": 0.5,
        "unit": "fraction",
        "n": 100,
        "pretrain_seed": 0,
        "finetune_seed": 1,
        "steps": 300,
        "status": "done",
        "learning_rate": 5e-5,
        "control": "equal_steps",
    } | changes
