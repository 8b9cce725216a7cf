"""Parameters are refused before work starts, and the presets are the protocol's columns."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from unibert_lib import budgets, config
from unibert_lib.parameters import CorpusParameters, PretrainParameters


def test_a_misspelt_parameter_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"unknown parameter 'sise'; did you mean size"):
        config.parse_parameters({"sise": "small"}, PretrainParameters)


@pytest.mark.parametrize("name", ["config", "_size", "In", "x y", 3])
def test_a_mapping_holds_parameters_alone(name: Any) -> None:
    with pytest.raises(ValueError, match=f"unknown parameter '{name}'"):
        config.parse_parameters({"size": "small", name: config}, PretrainParameters)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": "smal"}, "did you mean small"),
        ({"size": 1}, "unknown size '1'"),
        ({"preset": "recomended"}, "did you mean recommended"),
        ({"budget": "dmeo"}, "did you mean demo"),
        ({"seed": "0"}, "seed='0' is a str; a int is needed"),
        ({"seed": True}, "seed=True is a bool"),
        ({"seed": -1}, "seed=-1"),
        ({"steps": 1.5}, "steps=1.5 is a float"),
        ({"adversary": "gan"}, "unknown adversary 'gan'"),
        ({"languages": ["en", "xq"]}, "xq"),
        ({"languages": 3}, "a list is needed"),
        ({"num_processes": 0}, "num_processes=0"),
        ({"num_processes": 9, "batch_size": 8}, "each needs a sample"),
        ({"options": {"temprature": 2.0}}, "did you mean temperature"),
        ({"options": {"_temperature": 2.0}}, "unknown parameter '_temperature'; did you mean temperature"),
        ({"options": {"__class__": 1}}, "unknown parameter '__class__'"),
        ({"options": {"temperature": -1.0}}, "temperature=-1.0"),
        ({"options": {"corruption": [0.5, 0.1, 0.1]}}, "sum to 1"),
        ({"learning_rate": "fast"}, "learning_rate='fast'"),
    ],
)
def test_bad_values_are_refused_and_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.parse_parameters(given, PretrainParameters)


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("learning_rate: 1e-4", "1e-4 is text: write 0.0001"),
        ("learning_rate: 1.0e5", "1.0e5 is text: write 100000.0"),
        ("dropout: 5e-5", "5e-5 is text: write 5.0e-05"),
        ("steps: 1e3", "1e3 is text: write 1000"),
        ("steps: 0o17", "0o17 is text: write 15"),
        ("steps: 12,000", "12,000 is text: write 12000"),
        ("languages: [sv, no]", 'quote the word, such as "no"'),
        ("languages: no", 'quote the word, such as "no"'),
        ("adversary: off", 'quote the word, such as "no" or "off"'),
        ("corpus: on", 'quote the word, such as "no"'),
        ("name: 2026-01-05", "put quotes around it"),
        ("name: 12_000", "put quotes around it"),
        ("corpus: 1:30", "put quotes around it"),
        ("name: None", "a YAML file spells null"),
        ("steps: None", "a YAML file spells null"),
    ],
)
def test_what_yaml_makes_of_a_value_is_named_with_the_way_to_write_it(file: str, remedy: str) -> None:
    [name] = given = yaml.safe_load(file)
    with pytest.raises(ValueError, match=remedy) as refused:
        config.parse_parameters(given, PretrainParameters)
    assert name in str(refused.value)
    if "write " in remedy:  # and what is advised is understood
        assert config.parse_parameters(yaml.safe_load(f"{name}: {remedy.split()[-1]}"), PretrainParameters)


@pytest.mark.parametrize("text", ["fast", "nan", "inf", "1.5"])
def test_text_that_is_no_such_number_gets_no_advice_for_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"a int is needed$"):
        config.parse_parameters({"steps": text}, PretrainParameters)


def test_papermills_forms_are_understood() -> None:
    params = config.parse_parameters({"languages": "en,fr sw", "learning_rate": 1, "steps": None}, PretrainParameters)
    assert params.languages == ("en", "fr", "sw") and params.learning_rate == 1.0 and params.steps is None


def test_the_presets_are_the_columns_of_the_protocol() -> None:
    recommended, literal, inferred = (config.objective(name) for name in config.PRESETS)
    for preset in (recommended, literal, inferred):
        weights = (preset.mlm_weight, preset.adversary_weight, preset.distillation_weight)
        assert weights == (0.5, 0.1, 0.4) and preset.temperature == 2 and preset.mask_probability == 0.15
        assert (preset.learning_rate, preset.weight_decay, preset.max_gradient_norm) == (5e-4, 0.01, 5.0)
        assert preset.warmup_fraction == 50_000 / 1_000_000 and preset.mlm_reduction == "mean"
    row = [(p.corruption, p.rarity_exponent, p.label_smoothing) for p in (recommended, literal, inferred)]
    assert row == [((0.8, 0.1, 0.1), 0, 0), ((1, 0, 0), 0, 0.7), ((0.8, 0.1, 0.1), 0.7, 0)]
    row2 = [(p.adversary, p.pooling, p.distillation_tokens) for p in (recommended, literal, inferred)]
    assert row2 == [
        ("alternating", "real", "real"),
        ("loss_reversal", "attended", "real"),
        ("alternating", "attended", "attended"),
    ]
    row3 = [(p.temperature_squared, p.betas, p.epsilon, p.language_alpha) for p in (recommended, literal, inferred)]
    assert row3 == [(True, (0.9, 0.999), 1e-8, 1), (False, (0.9, 0.999), 1e-8, 1), (True, (0.9, 0.98), 1e-6, 0.7)]


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean paper_literal"):
        config.objective("paper_litteral")


def test_named_parameters_win_over_the_preset_and_options_over_all() -> None:
    params = PretrainParameters(preset="paper_literal", adversary="grl", options={"label_smoothing": 0.1})
    assert params.objective.adversary == "grl" and params.objective.label_smoothing == 0.1


def test_without_a_teacher_distillation_weighs_nothing() -> None:
    assert PretrainParameters(teacher="none").objective.distillation_weight == 0


def test_the_papers_budget_is_the_papers_run() -> None:
    run = PretrainParameters(budget="paper", size="small", teacher="bert-base-multilingual-cased").pretrain_config
    assert (run.steps, run.batch_size, run.max_length, run.objective.learning_rate) == (1_000_000, 128, 512, 5e-4)


def test_every_budget_has_steps_for_every_size() -> None:
    for budget in budgets.BUDGETS.values():
        assert set(budget.steps) == {"small", "xsmall", "xxsmall"} and min(budget.steps.values()) > 0


def test_the_atlas_knows_its_languages_and_other_corpora_bring_theirs() -> None:
    with pytest.raises(ValueError, match="xq"):
        CorpusParameters(languages=("xq",))
    assert CorpusParameters(source="somewhere", languages=("xq",)).languages == ("xq",)
