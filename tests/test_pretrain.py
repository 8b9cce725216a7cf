"""The loop: it learns, resumes to the bit, and its parts do what the protocol says."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest
import torch
import traitlets.config
import yaml
from conftest import LINES, make_corpus, make_store
from IPython.core.interactiveshell import InteractiveShell
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertConfig, BertForMaskedLM

from unibert_lib import (
    checkpoint,
    evaluate,
    journal,
    modelcard,
    objective,
    pretrain,
    recipes,
    record,
    runs,
    student,
    teacher,
    tokenizer,
    tokens,
    trainee,
)
from unibert_lib.batches import IGNORE_INDEX, make_batch
from unibert_lib.config import PretrainConfig
from unibert_lib.config import objective as preset
from unibert_lib.runs import Run
from unibert_lib.tokens import TokenStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("pretrain"))


def tiny(store: TokenStore, seed: int = 0, hidden: int = 16, layers: int = 1, dropout: float = 0.1) -> BertForMaskedLM:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 32}
        chance = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        return BertForMaskedLM(BertConfig(vocab_size=store.vocab_size, **shape, **chance))


def configure(steps: int = 6, **options: Any) -> PretrainConfig:
    fields = {f.name for f in dataclasses.fields(PretrainConfig)}
    run = {k: v for k, v in options.items() if k in fields}
    rest = {k: v for k, v in options.items() if k not in fields}
    rest = {"learning_rate": 5e-3, **rest}
    defaults = {"batch_size": 8, "max_length": 32, "checkpoint_every": 3, "evaluate_every": 100, "device": "cpu"}
    return PretrainConfig(
        objective=preset(rest.pop("preset", "recommended"), **rest), steps=steps, **{**defaults, **run}
    )


def train(
    path: Path,
    store: TokenStore,
    config: PretrainConfig,
    guide: BertForMaskedLM | None = None,
    **students: BertForMaskedLM,
) -> tuple[Run, dict[str, Path]]:
    run = runs.open_run("pretrain", "run", config, {}, path)
    students = students or {"s": tiny(store)}
    return run, pretrain.pretrain(config, store, students, guide, run)


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_the_loss_falls_and_held_out_tokens_beat_the_unigram_guess(tmp_path: Path, store: TokenStore) -> None:
    config = configure(250, adversary="off", checkpoint_every=1000, batch_size=24, gradient_norms_every=999)
    run, folders = train(tmp_path, store, config, s=tiny(store, hidden=48))
    losses = [row["mlm"] for row in journal.read(run.path / "metrics.jsonl")]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    model = AutoModelForMaskedLM.from_pretrained(folders["s"])
    table = evaluate.masked_tokens(model, store, max_length=32)
    assert set(table["language"]) == {"en", "es", "nl"}
    hits, guesses = ((table[column] * table["tokens"]).sum() for column in ("accuracy", "unigram"))
    assert hits > 1.5 * guesses


def test_distillation_brings_the_student_nearer_to_the_teacher(tmp_path: Path, store: TokenStore) -> None:
    guide = tiny(store, seed=7, hidden=24)
    for parameter in guide.parameters():  # peaked predictions, so that there is something to imitate
        parameter.data.mul_(4)
    config = configure(60, evaluate_every=60, adversary="off", mlm_weight=0.0, distillation_weight=1.0)
    run, _ = train(tmp_path, store, config, guide)
    rows = journal.read(run.path / "evaluation.jsonl")
    first, last = ([r["kl"] for r in rows if r["step"] == step] for step in (0, 60))
    assert sum(last) < 0.7 * sum(first)


@pytest.mark.parametrize("preset_name", ["recommended", "paper_literal", "inferred_hf"])
def test_every_preset_trains_and_logs_what_the_protocol_asks(
    tmp_path: Path, store: TokenStore, preset_name: str
) -> None:
    run, _ = train(tmp_path, store, configure(4, preset=preset_name), tiny(store, 1))
    rows = journal.read(run.path / "metrics.jsonl")
    wanted = {
        "mlm",
        "adversary",
        "distillation",
        "mlm_unsmoothed",
        "discriminator_accuracy",
        "chance",
        "tokens",
        "seconds",
    }
    wanted |= {"gradient_mlm", "gradient_adversary", "gradient_distillation", "gradient_norm", "learning_rate"}
    assert len(rows) == 4 and wanted <= set(rows[0])
    assert all(math.isfinite(v) for row in rows for v in row.values() if isinstance(v, float))
    smoothed = preset_name == "paper_literal"
    assert rows[0]["gradient_adversary"] > 0
    assert (rows[0]["mlm"] == rows[0]["mlm_unsmoothed"]) != smoothed


OPTIONS: list[dict[str, Any]] = [
    {"mlm_reduction": "sum"},
    {"adversary": "grl"},
    {"adversary": "confusion"},
    {"adversary": "off"},
    {"discriminator_steps": 3},
    {"discriminator_hidden": 8},
    {"adversary_ramp": True},
    {"balanced_adversary": True},
    {"distillation_tokens": "masked"},
    {"distillation_tokens": "attended"},
    {"reverse_kl": True},
    {"teacher_top_k": 5},
    {"language_alpha": 0.3},
    {"mask_probability": 0.0},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items()))
def test_every_option_of_the_table_changes_the_weights(
    tmp_path: Path, store: TokenStore, options: dict[str, Any]
) -> None:
    _, plain = train(tmp_path / "plain", store, configure(2), tiny(store, 1))
    _, other = train(tmp_path / "other", store, configure(2, **options), tiny(store, 1))
    alike = same(weights(plain["s"]), weights(other["s"]))
    assert not alike and all(torch.isfinite(v).all() for v in weights(other["s"]).values())


SPEED: list[dict[str, Any]] = [
    {},
    {"preset": "paper_literal"},
    {"preset": "inferred_hf"},
    {"distillation_tokens": "masked"},
    {"mlm_reduction": "sum"},
    {"mask_probability": 0.0},
    {"adversary": "off", "temperature": 3.0},
    {"reverse_kl": True},  # plain in any case, on a packed batch
]


@pytest.mark.parametrize("options", SPEED, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items()) or "recommended")
def test_the_fast_step_gives_the_losses_and_weights_of_the_plain_one(
    tmp_path: Path, store: TokenStore, options: dict[str, Any]
) -> None:
    """AdamW's epsilon is large here, so that its division does not blow up the last bits of tiny gradients."""
    rows, ends = [], []
    for way in ({"layout": "padded", "loss": "plain"}, {"layout": "packed", "loss": "fused", "loss_chunk": 5}):
        config = configure(4, **{**options, **way, "epsilon": 0.1, "bucket_window": 1})
        students = {"a": tiny(store, layers=2, dropout=0.0), "b": tiny(store, 3, hidden=24, dropout=0.0)}
        run, folders = train(tmp_path / way["loss"], store, config, tiny(store, 1, hidden=24), **students)
        rows.append(journal.read(run.path / "metrics.jsonl"))
        ends.append([weights(folder) for folder in folders.values()])
    assert len(rows[0]) == 8
    for slow, fast in zip(*rows, strict=True):
        assert slow.pop("seconds") and fast.pop("seconds") and slow.pop("student") == fast.pop("student")
        assert fast == pytest.approx(slow, rel=2e-5, abs=1e-6)
    start = [dict(one.named_parameters()) for one in (tiny(store, layers=2), tiny(store, 3, hidden=24))]
    for slow, fast, before in zip(*ends, start, strict=True):
        for name, value in slow.items():
            torch.testing.assert_close(fast[name], value, rtol=1e-5, atol=1e-6)
        assert any(not torch.allclose(value, before[name], atol=1e-3) for name, value in slow.items())


def test_no_gradient_reaches_the_teacher_in_training(tmp_path: Path, store: TokenStore) -> None:
    guide = tiny(store, 1)
    before = {k: v.clone() for k, v in guide.state_dict().items()}
    train(tmp_path, store, configure(3), guide)
    assert same(before, guide.state_dict()) and all(p.grad is None for p in guide.parameters())


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_a_step_does_not_depend_on_padding(store: TokenStore, layout: str) -> None:
    """Losses and gradients of a padded, a packed and a one-sample-at-a-time batch agree in double precision."""
    model, guide = tiny(store, layers=2).double().eval(), tiny(store, 1).double().eval()
    reader = torch.nn.Linear(16, 3).double()

    def losses(batches: list[Any]) -> tuple[list[float], Tensor]:
        model.zero_grad()
        parts, pooled, languages = [], [], []
        for batch in batches:
            chosen, hidden = batch.labels != IGNORE_INDEX, evaluate.encode(model, batch)
            logits, expected = (
                m.cls(h[batch.real]) for m, h in ((model, hidden), (guide, evaluate.encode(guide, batch)))
            )
            parts.append((logits, expected, batch.labels[batch.real]))
            pooled.append(objective.pool(hidden, batch.sequence_ids, batch.real, len(batch.language_ids)))
            languages.append(batch.language_ids)
            assert int(chosen.sum()) == int((batch.labels[batch.real] != IGNORE_INDEX).sum())
        logits, expected, labels = (torch.cat(part) for part in zip(*parts, strict=True))
        adversary = objective.adversary_losses(
            torch.cat(pooled), torch.cat(languages), reader, mode="alternating"
        ).student
        mlm, kd = objective.mlm_loss(logits, labels), objective.distillation_loss(logits, expected, temperature=2.0)
        objective.total_loss(mlm, adversary, kd, objective.Weights()).backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        return [float(x.detach()) for x in (mlm, adversary, kd)], gradient

    config = dataclasses.replace(configure().batch, layout=layout)
    values, gradient = losses([make_batch(store, config, 0, 1)])
    alone, expected = losses([make_batch(store, config, 0, 1, rank, 8) for rank in range(8)])
    assert values == pytest.approx(alone, abs=1e-12)
    torch.testing.assert_close(gradient, expected, atol=1e-12, rtol=1e-9)


def test_a_run_that_died_resumes_to_the_bit(tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    config, guide = configure(9), tiny(store, 1)
    whole, folders = train(tmp_path / "whole", store, config, guide)
    learn = trainee.learn

    def die(one: Any, step: int, *rest: Any) -> Any:
        if step == 7:
            raise KeyboardInterrupt
        return learn(one, step, *rest)

    monkeypatch.setattr(trainee, "learn", die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "died", store, config, guide)
    monkeypatch.undo()
    torch.manual_seed(99)  # the caller's random state must not matter
    resumed, again = train(tmp_path / "died", store, config, guide, s=tiny(store, seed=5))
    assert same(weights(folders["s"]), weights(again["s"]))
    rows = [
        [{k: v for k, v in r.items() if k != "seconds"} for r in journal.read(r.path / "metrics.jsonl")]
        for r in (whole, resumed)
    ]
    assert rows[0] == rows[1] and [r["step"] for r in rows[1]] == list(range(9))


@pytest.mark.parametrize(
    ("number", "left"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_saves_after_the_step_at_hand_and_the_run_resumes_to_the_bit(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch, number: int, left: type[BaseException]
) -> None:
    config = configure(6, checkpoint_every=4)
    whole, folders = train(tmp_path / "whole", store, config)
    learn = trainee.learn

    def asked(one: Any, step: int, *rest: Any) -> Any:
        if step == 1:
            signal.raise_signal(number)
        return learn(one, step, *rest)

    monkeypatch.setattr(trainee, "learn", asked)
    with pytest.raises(left) as caught:
        train(tmp_path / "asked", store, config)
    assert left is KeyboardInterrupt or caught.value.code == 143
    said = ["Stopped; saved at step 2 of 6. Run this cell again to go on from there."]
    assert getattr(caught.value, "__notes__", []) == (said if left is KeyboardInterrupt else [])
    monkeypatch.undo()
    run = tmp_path / "asked/pretrain/run"
    assert [path.name for path in checkpoint.list_checkpoints(run / "checkpoints")] == ["step-00000002"]
    resumed, again = train(tmp_path / "asked", store, config, s=tiny(store, seed=5))
    assert same(weights(folders["s"]), weights(again["s"]))
    rows = [[r["mlm"] for r in journal.read(r.path / "metrics.jsonl")] for r in (whole, resumed)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("key", ["threads", "torch", "world", "device"])
def test_another_machine_is_refused_unless_allowed(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    config = configure(6)
    here = pretrain._machine
    monkeypatch.setattr(pretrain, "_machine", lambda *a: {**here(*a), key: "other"})
    monkeypatch.setattr(modelcard, "export", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, store, config)
    monkeypatch.undo()
    with pytest.raises(
        runs.RunError, match=rf"step-00000006: the run was begun elsewhere \({key} other -> .*allow_other"
    ):
        train(tmp_path, store, config)
    run = runs.open_run("pretrain", "run", config, {}, tmp_path)
    pretrain.pretrain(config, store, {"s": tiny(store)}, None, run, allow_other_machine=True)
    assert run.done


def test_a_finished_run_is_not_run_again(tmp_path: Path, store: TokenStore) -> None:
    _, folders = train(tmp_path, store, configure(3))
    stamp = (folders["s"] / "model.safetensors").stat().st_mtime_ns
    _, again = train(tmp_path, store, configure(3), s=tiny(store, seed=3))
    assert again == folders and (folders["s"] / "model.safetensors").stat().st_mtime_ns == stamp


def test_without_a_valid_checkpoint_the_run_does_not_start_anew(tmp_path: Path, store: TokenStore) -> None:
    run, _ = train(tmp_path, store, configure(3))
    (run.path / "DONE").unlink()
    for path in checkpoint.list_checkpoints(run.path / "checkpoints"):
        (path / "state.json").write_text("{}")
    with pytest.raises(checkpoint.CheckpointError, match="no valid checkpoint"):
        train(tmp_path, store, configure(3))


def test_students_trained_together_are_those_trained_alone(tmp_path: Path, store: TokenStore) -> None:
    guide, config = tiny(store, 1), configure(3)
    _, both = train(tmp_path / "both", store, config, guide, a=tiny(store, 2), b=tiny(store, 3, hidden=24))
    for name, model in (("a", tiny(store, 2)), ("b", tiny(store, 3, hidden=24))):
        _, alone = train(tmp_path / name, store, config, guide, **{name: model})
        assert same(weights(both[name]), weights(alone[name]))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("loss", "function"),
    [("mlm", "mlm_loss"), ("adversary", "adversary_losses"), ("distillation", "distillation_loss")],
)
def test_a_loss_that_is_no_number_is_named_with_step_and_languages_and_the_last_good_state_stays(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch, loss: str, function: str, value: float
) -> None:
    whole, step = getattr(objective, function), []

    def breaks(*arguments: Any, **options: Any) -> Any:
        found = whole(*arguments, **options)
        if len(step) <= 4:
            return found
        return found._replace(student=found.student * value) if loss == "adversary" else found * value

    make = pretrain.make_batch
    monkeypatch.setattr(objective, function, breaks)
    monkeypatch.setattr(pretrain, "make_batch", lambda *a: step.append(1) or make(*a))
    said = rf"s: the {loss} loss is (nan|inf|-inf) at step 4 \(batch of 8 samples in \w\w, \w\w"
    with pytest.raises(trainee.TrainingError, match=said):
        train(tmp_path, store, configure(9, loss="plain"), tiny(store, 1))
    monkeypatch.undo()
    found = checkpoint.load_newest(tmp_path / "pretrain/run/checkpoints")
    assert found is not None and found[2]["step"] == 3
    assert all(torch.isfinite(v).all() for part in found[1].values() for v in part.values())
    assert [row["step"] for row in journal.read(tmp_path / "pretrain/run/metrics.jsonl")] == [0, 1, 2, 3]


def test_the_fused_loss_names_what_is_no_number_too(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    student, make, step = tiny(store), pretrain.make_batch, []

    def breaks(*arguments: Any) -> Any:
        step.append(1)
        if len(step) == 5:
            student.cls.predictions.bias.data.fill_(math.nan)
        return make(*arguments)

    monkeypatch.setattr(pretrain, "make_batch", breaks)
    with pytest.raises(trainee.TrainingError, match=r"s: the mlm loss is nan at step 4 \(batch of 8 samples"):
        train(tmp_path, store, configure(9, loss="fused"), tiny(store, 1), s=student)


def test_one_language_alone_and_batches_without_a_masked_token_stay_finite(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", {"en": LINES["en"]})
    pieces = tokenizer.train((line for texts in LINES.values() for line in texts), 400)
    alone = tokens.write(corpus, pieces, tmp_path / "tokens", heldout_share=0.2)
    # 0.02 of the few tokens of one short sample rounds to no masked token at all.
    for number, options in enumerate(({}, {"batch_size": 1, "mask_probability": 0.02, "bucket_window": 1})):
        run, folders = train(tmp_path / str(number), alone, configure(4, **options), tiny(alone, 1))
        rows = journal.read(run.path / "metrics.jsonl")
        assert all(math.isfinite(v) for row in rows for v in row.values() if isinstance(v, float))
        assert all(torch.isfinite(v).all() for v in weights(folders["s"]).values())
        if options:
            assert rows[0]["mlm"] == 0


def test_a_full_disk_at_the_end_is_told_and_the_run_ends_as_it_would_have(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folders = train(tmp_path / "whole", store, configure(3))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(modelcard, "save_file", full)
    with pytest.raises(runs.NotWritten, match=r"run/model: not written .*No space left.*Free some disk space"):
        train(tmp_path / "full", store, configure(3))
    monkeypatch.undo()
    _, again = train(tmp_path / "full", store, configure(3), s=tiny(store, seed=5))
    assert same(weights(folders["s"]), weights(again["s"]))


def test_overflowing_gradients_are_skipped_counted_and_end_the_run(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainee.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(float("inf")))
    with pytest.raises(trainee.TrainingError, match="overflowed 4 times in a row, last at step 3"):
        train(tmp_path, store, configure(9, max_bad_steps=4))
    assert all(row["skipped"] for row in journal.read(tmp_path / "pretrain/run/metrics.jsonl"))


def test_the_discriminators_own_overflow_is_counted_too(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = trainee.nn.utils.clip_grad_norm_

    def overflow(parameters: Any, *rest: Any) -> Tensor:
        listed = list(parameters)
        return torch.tensor(float("nan")) if len(listed) == 2 else clip(listed, *rest)

    monkeypatch.setattr(trainee.nn.utils, "clip_grad_norm_", overflow)
    with pytest.raises(trainee.TrainingError, match="overflowed 3 times in a row, last at step 2"):
        train(tmp_path, store, configure(9, max_bad_steps=3, discriminator_steps=2))
    rows = journal.read(tmp_path / "pretrain/run/metrics.jsonl")
    assert [row["discriminator_skipped"] for row in rows] == [2, 2]
    assert not any("skipped" in row for row in rows), "the student's own step was finite"


def test_a_collapsed_discriminator_is_warned_of(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "COLLAPSE_STEPS", 2)
    monkeypatch.setattr(trainee, "build_discriminator", lambda hidden, n, *_: Stuck(hidden, n))
    with pytest.warns(UserWarning, match="named one and the same language for 2 batches"):
        train(tmp_path, store, configure(3, adversary="off", bucket_window=1))


class Stuck(torch.nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * 0 + torch.tensor([0.0, 1.0, 0.0])


def test_the_output_loads_with_transformers_and_carries_a_card(tmp_path: Path, store: TokenStore) -> None:
    pieces, config = tokenizer.load(store.path.parent / "tokenizer"), configure(2)
    run = runs.open_run("pretrain", "run", config, {}, tmp_path)
    folder = pretrain.pretrain(config, store, {"s": tiny(store)}, None, run, tokenizer=pieces)["s"]
    model, loaded = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    logits = model(**loaded("the cat [MASK] on", return_tensors="pt")).logits
    assert logits.shape[-1] == len(loaded) == store.vocab_size
    assert set(load_file(folder / "discriminator.safetensors")) == {"weight", "bias"}
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers") and "not affiliated" in card and "| en |" in card
    assert teacher.load(folder, pieces).training is False


def test_a_cards_front_matter_reads_back_whatever_the_languages_are_called(tmp_path: Path) -> None:
    """Bare, YAML reads Norwegian's code as False."""
    lines = {"no": LINES["nl"], "sv": LINES["en"]}
    pieces = tokenizer.train((line for texts in lines.values() for line in texts), 400)
    store = tokens.write(make_corpus(tmp_path / "c", lines), pieces, tmp_path / "tokens", heldout_share=0.2)
    run = runs.open_run("pretrain", "a", {}, {}, tmp_path)
    card = modelcard.write(run, "xxsmall", tiny(store), store, configure(1))
    assert yaml.safe_load(card.split("---")[1])["language"] == ["no", "sv"]


def test_a_teacher_with_another_vocabulary_is_refused_before_step_0(tmp_path: Path, store: TokenStore) -> None:
    pieces = tokenizer.load(store.path.parent / "tokenizer")
    tiny(store).save_pretrained(tmp_path / "t")
    tokenizer.train(["quite other words"], 300).save_pretrained(tmp_path / "t")
    with pytest.raises(teacher.TeacherError, match=r"pieces, the student's tokenizer has"):
        teacher.load(tmp_path / "t", pieces)


def test_a_teacher_of_another_size_is_refused_by_the_loop_itself(tmp_path: Path, store: TokenStore) -> None:
    guide = BertForMaskedLM(BertConfig(vocab_size=50, hidden_size=8, num_attention_heads=1, num_hidden_layers=1))
    with pytest.raises(runs.RunError, match=rf"the teacher has 50 word pieces, the token store {store.vocab_size}"):
        train(tmp_path, store, configure(2), guide)
    assert not (tmp_path / "pretrain/run/metrics.jsonl").exists(), "before step 0"


def test_a_student_with_another_vocabulary_is_refused(tmp_path: Path, store: TokenStore) -> None:
    other = BertForMaskedLM(BertConfig(vocab_size=50, hidden_size=8, num_attention_heads=1, num_hidden_layers=1))
    with pytest.raises(runs.RunError, match="50 word pieces"):
        train(tmp_path, store, configure(2), None, s=other)


def test_the_learning_rate_rises_to_the_peak_and_falls_to_zero() -> None:
    config = configure(100, learning_rate=1.0, warmup_fraction=0.1)
    rates = [trainee.learning_rate(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5) and rates[99] == pytest.approx(1 / 90)


def test_biases_and_layer_norms_do_not_decay_and_one_pass_modes_share_the_optimiser(store: TokenStore) -> None:
    for mode, shared in (("alternating", False), ("grl", True), ("loss_reversal", True)):
        one = trainee.make("s", tiny(store), store, configure(adversary=mode))
        decayed, free = one.optimizer.param_groups
        assert decayed["weight_decay"] == 0.01 and free["weight_decay"] == 0
        assert all(p.ndim >= 2 for p in decayed["params"]) and all(p.ndim < 2 for p in free["params"])
        held = {id(p) for group in one.optimizer.param_groups for p in group["params"]}
        assert (id(next(one.discriminator.parameters())) in held) is shared


@pytest.mark.parametrize(("initialisation", "share"), [("scaled", 1 / 6), ("bert", 1.0)])
def test_wide_matrices_take_smaller_steps_with_the_head_start_alone(
    tmp_path: Path, store: TokenStore, initialisation: str, share: float
) -> None:
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 3072}
    model = BertForMaskedLM(BertConfig(vocab_size=store.vocab_size, **shape))
    config = configure(1, initialisation=initialisation, weight_decay=0.0, warmup_fraction=0.0, learning_rate=1e-3)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    train(tmp_path, store, config, s=model)
    moved = {n: (p.detach() - before[n]).abs().max().item() for n, p in model.named_parameters()}
    # AdamW's first step is the learning rate itself, whatever the gradient.
    assert moved["bert.encoder.layer.0.output.dense.weight"] == pytest.approx(share * 1e-3, rel=0.02)
    assert moved["bert.encoder.layer.0.intermediate.dense.weight"] == pytest.approx(1e-3, rel=0.02)


def test_an_unknown_device_is_refused(store: TokenStore, tmp_path: Path) -> None:
    with pytest.raises(runs.RunError, match="device='tpu'"):
        train(tmp_path, store, configure(2, device="tpu"))


def test_bf16_on_request_trains_on_a_cpu(tmp_path: Path, store: TokenStore) -> None:
    run, _ = train(tmp_path, store, configure(2, precision="bf16"), tiny(store, 1))
    assert all(math.isfinite(row["total"]) for row in journal.read(run.path / "metrics.jsonl"))


def test_a_probe_reads_languages_from_vectors_that_hold_them(store: TokenStore) -> None:
    torch.manual_seed(0)
    probe = evaluate.probe_language(tiny(store), store, max_length=32)
    assert probe.accuracy > 0.8 > probe.chance and probe.bits < probe.prior_bits
    blind = tiny(store)
    for parameter in blind.bert.encoder.parameters():
        parameter.data.zero_()  # the last LayerNorm's gain is 0: every vector is the same
    assert evaluate.probe_language(blind, store, max_length=32).accuracy <= probe.chance + 0.05


def test_evaluation_is_deterministic_and_leaves_the_model_in_its_mode(store: TokenStore) -> None:
    model = tiny(store).train()
    one, two = (evaluate.masked_tokens(model, store, max_length=32) for _ in range(2))
    assert one.equals(two) and model.training


def test_the_journal_leaves_out_a_line_cut_short(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps({"step": 0}) + '\n{"step": 1, "ml')
    assert journal.read(tmp_path / "m.jsonl") == [{"step": 0}]


def test_fill_masks_shows_the_models_answers(store: TokenStore) -> None:
    pieces = tokenizer.load(store.path.parent / "tokenizer")
    table = evaluate.fill_masks(tiny(store), store, pieces, languages=3, top=4)
    assert set(table["language"]) <= {"en", "es", "nl"} and not table.empty
    assert table["text"].str.contains(r"\[MASK\]").all() and (table["guesses"].str.split().str.len() == 4).all()


def test_special_tokens_are_neither_asked_for_nor_guessed(store: TokenStore) -> None:
    pieces, model = tokenizer.load(store.path.parent / "tokenizer"), tiny(store)
    special = list(store.special_ids)
    model.cls.predictions.bias.data[pieces.convert_tokens_to_ids(special)] = 100.0
    table = evaluate.fill_masks(model, store, pieces, languages=3, top=5)
    guesses = set(" ".join(table["guesses"]).split())
    assert not guesses & set(special) and not set(table["answer"]) & set(special) and len(guesses) >= 5


def test_a_probes_right_answers_are_its_accuracy_in_the_same_order_for_every_model(store: TokenStore) -> None:
    probe = evaluate.probe_language(tiny(store), store, max_length=32)
    assert probe.right.mean() == pytest.approx(probe.accuracy) and len(probe.right) == probe.samples


@pytest.mark.parametrize("options", [{}, {"preset": "paper_literal"}, {"adversary": "grl"}, {"adversary": "confusion"}])
def test_the_step_by_hand_of_notebook_03_gives_the_librarys_losses(
    tmp_path: Path, store: TokenStore, repository: Path, options: dict[str, Any]
) -> None:
    config, guide = configure(1, dropout=0.0, **options), tiny(store, 1).eval()
    run, _ = train(tmp_path, store, config, guide, xxsmall=recipes.new_student("xxsmall", store, config))
    (row,) = journal.read(run.path / "metrics.jsonl")
    names: dict[str, Any] = {"torch": torch, "objective": objective, "evaluate": evaluate, "recipes": recipes}
    names |= {"student": student, "distilled_tokens": pretrain.distilled_tokens, "store": store, "settings": config}
    names |= {"params": SimpleNamespace(sizes=("xxsmall",), seed=0), "guide": guide}
    names |= {"batch": make_batch(store, config.batch, 0, 0)}
    quiet = traitlets.config.Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=quiet, user_module=ModuleType("notebook"))
    shell.push(names)
    for cell in nbformat.read(repository / "notebooks" / "03_pretrain.ipynb", as_version=4).cells:
        if cell.cell_type == "code" and cell.source.startswith("def "):
            shell.run_cell(cell.source).raise_error()
    by_hand = shell.user_ns["step_by_hand"](config.objective)
    assert by_hand == pytest.approx({name: row[name] for name in by_hand}, rel=1e-5, abs=1e-6)
    assert set(by_hand) == {"mlm", "adversary", "distillation", "total", "discriminator"}
