"""Model folders of strangers: no code of theirs runs, no pickle is read, and each error names the file."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import shutil
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
        ("vocab.txt", b"\xff[PAD]\n", r"vocab\.txt, byte 0: not UTF-8"),
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
