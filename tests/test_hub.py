"""Model folders of strangers: no code of theirs runs, no pickle is read, and each error names the file."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer, BertConfig, BertForMaskedLM

from unibert_lib import hub, teacher, tokenizer
from unibert_lib.tasks.task import load_encoder

REMOTE = {name: "evil.Evil" for name in ("AutoConfig", "AutoModelForMaskedLM", "AutoModelForTokenClassification")}


class Hostile:
    """Unpickling it makes the file ``canary`` in the working directory."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("canary",)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "good"
    pieces = tokenizer.train(["the cat sat on the mat", "a dog"] * 5, 300)
    pieces.save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "model"
    shutil.copytree(good, copy)
    (copy / "evil.py").write_text("import os\nos.mkdir('canary')\nclass Evil: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "input", lambda prompt="": "y")  # what a hurried reader would answer
    return copy


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(value | changes))

    return change


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile()))


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def outside(folder: Path) -> None:
    shutil.move(folder / "model.safetensors", folder.parent / "model.safetensors")
    index = {"metadata": {}, "weight_map": {"bert.x": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("config.json", model_type="evil", auto_map=REMOTE), "brings code of its own, which is never run"),
        (edit("config.json", _attn_implementation="evil/kernel"), "takes attention from 'evil/kernel'"),
        (pickled, "no file named model.safetensors"),
        (write("model.safetensors", pickle.dumps(Hostile())), r"model\.safetensors: no safetensors"),
        (outside, r"index\.json: shard '\.\./model\.safetensors' lies outside"),
        (write("config.json", pickle.dumps(Hostile())), r"config\.json: no JSON"),
        (write("config.json", b"[1]"), r"config\.json, line 1: a JSON object is needed, not a list"),
        (edit("config.json", hidden_size="wide"), "model"),
        (edit("config.json", vocab_size=10**12, hidden_size=10**9), "model"),
    ],
)
def test_a_hostile_model_is_an_error_and_nothing_of_it_runs(
    folder: Path, change: Callable[[Path], None], message: str
) -> None:
    change(folder)
    with pytest.raises(ValueError, match=message):
        load_encoder(AutoModelForTokenClassification, folder, num_labels=3)
    pieces = hub.from_pretrained(AutoTokenizer, folder) if "tokenizer" in message else None
    with pytest.raises(ValueError, match=message):
        teacher.load(folder, pieces or tokenizer.load(folder))
    assert not (folder.parent / "canary").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", pickle.dumps(Hostile()), r"tokenizer\.json: no JSON"),
        ("tokenizer.json", b'{"added_tokens": [], "model": {"type": "Evil"}}', r"tokenizer\.json: no tokenizer"),
        ("tokenizer_config.json", b"[]", r"tokenizer_config\.json, line 1: a JSON object"),
        ("vocab.txt", b"\xff[PAD]\n", r"vocab\.txt, line 1: a byte that is not UTF-8"),
    ],
)
def test_a_broken_tokenizer_names_its_file(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(tokenizer.TokenizerError, match=message):
        tokenizer.load(folder / name if name == "vocab.txt" else folder)
    assert not (folder.parent / "canary").exists()


def test_a_tokenizer_of_a_strangers_class_is_read_without_its_code(folder: Path) -> None:
    remote = {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    edit("tokenizer_config.json", tokenizer_class="Evil", auto_map=remote)(folder)
    assert tokenizer.load(folder).tokenize("cat")
    assert not (folder.parent / "canary").exists()


@pytest.mark.parametrize("name", ["../model", "model/../model", "https://evil.example/x", "a\nb/c", "x;touch canary"])
def test_a_name_that_is_no_hub_id_is_an_error_offline(folder: Path, name: str) -> None:
    shutil.rmtree(folder)
    with pytest.raises(hub.HubError):
        hub.from_pretrained(AutoConfig, name, "0" * 40)
    assert sorted(path.name for path in folder.parent.iterdir()) == []


def test_without_a_hub_the_cached_commit_loads_and_any_other_is_an_error_with_a_remedy(
    good: Path, tmp_path: Path
) -> None:
    """In a process of its own: the library reads these variables once."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(good, tmp_path / "hub" / "models--some--model" / "snapshots" / commit)
    code = f"""
from transformers import AutoModelForTokenClassification
from unibert_lib import tokenizer
from unibert_lib.tasks.task import load_encoder
print(len(tokenizer.load("some/model", "{commit}")), type(
    load_encoder(AutoModelForTokenClassification, "some/model", "{commit}", num_labels=3)).__name__)
for call in (lambda: tokenizer.load("some/model", "f" * 40), lambda: tokenizer.load("some/model"),
             lambda: load_encoder(AutoModelForTokenClassification, "some/model", "f" * 40)):
    try:
        call()
    except ValueError as error:
        print(error)
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded, other, unpinned, model = done.stdout.strip().splitlines()
    assert loaded == f"{len(tokenizer.load(good))} BertForTokenClassification"
    assert "neither cached nor reachable" in other and "Offline, give a local folder or a vocab.txt" in other
    assert "a hub id needs a pinned commit" in unpinned
    assert "cannot be loaded" in model and "give a folder that from_pretrained reads" in model
