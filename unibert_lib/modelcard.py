"""A trained student as a folder, and its model card, written from the run: nothing in it is typed by hand."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from safetensors.torch import save_file
from transformers import BertForMaskedLM
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib.config import ObjectiveConfig, PretrainConfig
from unibert_lib.runs import NotWritten, Run, plain, writing
from unibert_lib.tokens import TokenStore
from unibert_lib.trainee import Trainee


def export(
    one: Trainee,
    folder: Path,
    run: Run,
    store: TokenStore,
    config: PretrainConfig,
    tokenizer: TokenizersBackend | None,
) -> None:
    """What ``save_pretrained`` writes, the discriminator beside it, and the model card: all of it or nothing.

    Raises
    ------
    NotWritten
        If the disk is full.

    Source: ours.
    """
    staging = folder.with_name(f".{folder.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with writing(folder):
            one.model.eval().save_pretrained(staging)
            if tokenizer is not None:
                tokenizer.save_pretrained(staging)
            discriminator = {k: v.detach().cpu() for k, v in one.discriminator.state_dict().items()}
            save_file(discriminator, staging / "discriminator.safetensors")
            (staging / "README.md").write_text(write(run, one.name, one.model, store, config), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(staging, folder)
    except NotWritten:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write(run: Run, name: str, model: BertForMaskedLM, store: TokenStore, config: PretrainConfig) -> str:
    """Markdown with the hub's front matter: what the model is, what it was trained on and how, and its limits."""
    card = json.loads((run.path / "config.json").read_text(encoding="utf-8"))
    statistics, shape, options = store.meta["statistics"], model.config, config.objective
    front = ["---", "library_name: transformers", "pipeline_tag: fill-mask", "tags: [unibert, multilingual]"]
    front += ["language:", *(f'- "{code}"' for code in store.languages), "---"]  # bare, no is YAML's False
    sections = [
        "\n".join(front),
        f"# UniBERT {name}: an unofficial reproduction",
        "Trained with the UniBERT notebooks, which are not affiliated with the paper's authors. These are not the "
        "authors' weights, and no figure measured on this model is a figure of the paper.",
        "## Model",
        f"{shape.num_hidden_layers} layers x {shape.hidden_size} hidden x {shape.num_attention_heads} heads, "
        f"intermediate size {shape.intermediate_size}, {shape.vocab_size:,} word pieces, "
        f"{sum(p.numel() for p in model.parameters()):,} parameters.",
        "## Training data",
        f"{len(store.languages)} languages, {sum(s['tokens'] for s in statistics.values()):,} tokens in "
        f"{sum(s['samples'] for s in statistics.values()):,} training samples; "
        f"{store.meta['heldout_share']:.0%} of the pages held out.",
        "| language | samples | tokens | unknown tokens | truncated samples |\n|---|---|---|---|---|\n"
        + "\n".join(
            f"| {c} | {s['samples']} | {s['tokens']} | {s['unknown_tokens'] / max(s['tokens'], 1):.2%} | "
            f"{s['truncated']} |"
            for c, s in statistics.items()
        ),
        "## Training",
        f"{config.steps:,} steps of {config.batch_size} samples of at most {config.max_length} tokens, "
        f"seed {config.seed}.",
        "| option | value | of the preset's default |\n|---|---|---|\n" + _options(options),
        "## Limits",
        "A small masked language model. Its sentences, biases and gaps are those of its training text; it was not "
        "checked for any use beyond teaching and research. "
        "The discriminator is stored beside it (`discriminator.safetensors`) for study.",
        "## Provenance",
        f"Code `{card['code']}`, run `{card['fingerprint'][:16]}`; "
        + ", ".join(f"{package} {version}" for package, version in card["environment"].items() if package != "platform")
        + ".",
    ]
    return "\n\n".join(sections) + "\n"


def _options(options: ObjectiveConfig) -> str:
    standard = plain(ObjectiveConfig())
    rows = [(k, v, "" if standard[k] == v else f"recommended: {standard[k]}") for k, v in plain(options).items()]
    return "\n".join(f"| {k} | {v} | {note} |" for k, v, note in rows)
