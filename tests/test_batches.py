"""A batch is a pure function of (seed, step), whatever the layout and however many processes share it."""

from __future__ import annotations

import collections
import dataclasses

import numpy as np
import pytest
import torch
from conftest import make_store

from unibert_lib import batches
from unibert_lib.batches import IGNORE_INDEX, make_batch
from unibert_lib.config import BatchConfig
from unibert_lib.tokens import TokenStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("store"))


CONFIG = BatchConfig(batch_size=12, max_length=32, bucket_window=4)


def _rows(batch: batches.Batch) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """(language, ids, labels) of each sample, whatever the layout."""
    found = []
    for number, language in enumerate(batch.language_ids.tolist()):
        place = batch.sequence_ids == number
        found.append((language, tuple(batch.input_ids[place].tolist()), tuple(batch.labels[place].tolist())))
    return found


def test_the_same_step_gives_the_same_batch_and_another_step_another(store: TokenStore) -> None:
    one, again, other = (make_batch(store, CONFIG, 0, step) for step in (7, 7, 8))
    assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(again).values(), strict=True))
    assert _rows(one) != _rows(other) != _rows(make_batch(store, CONFIG, 1, 8))


def test_two_processes_share_the_batch_of_one(store: TokenStore) -> None:
    whole = _rows(make_batch(store, CONFIG, 0, 3))
    first, second = (_rows(make_batch(store, CONFIG, 0, 3, rank, 2)) for rank in (0, 1))
    assert whole[0::2] == first and whole[1::2] == second


def test_packed_and_padded_hold_the_same_samples_with_the_same_masks(store: TokenStore) -> None:
    packed = make_batch(store, dataclasses.replace(CONFIG, layout="packed"), 0, 3)
    assert packed.input_ids.shape[0] == 1 and bool(packed.attended.all())
    assert _rows(packed) == _rows(make_batch(store, CONFIG, 0, 3))


def test_positions_restart_and_attention_stays_within_a_sample(store: TokenStore) -> None:
    batch = make_batch(store, dataclasses.replace(CONFIG, layout="packed"), 0, 3)
    mask = batch.attention_mask[0, 0]
    for number in range(12):
        place = (batch.sequence_ids[0] == number).nonzero().squeeze(1)
        assert batch.position_ids[0, place].tolist() == list(range(len(place)))
        assert bool(mask[place][:, place].all()) and int(mask[place].sum()) == len(place) ** 2


def test_an_epoch_holds_every_sample_once_when_sampling_is_natural() -> None:
    sizes = np.array([5, 0, 13, 2])
    for epoch in range(3):
        languages, indices = batches.stream(sizes, 1.0, 9, np.arange(20 * epoch, 20 * epoch + 20))
        assert sorted(zip(languages.tolist(), indices.tolist(), strict=True)) == [
            (language, index) for language, size in enumerate(sizes) for index in range(size)
        ]


def test_alpha_flattens_the_languages_in_the_exact_proportion() -> None:
    sizes = np.array([900, 100])  # square roots 30 and 10: three to one
    languages, indices = batches.stream(sizes, 0.5, 0, np.arange(1000))
    assert np.bincount(languages).tolist() == [750, 250]
    rounds = collections.Counter(indices[languages == 1].tolist())
    assert set(rounds.values()) == {2, 3}  # 250 draws from 100 samples: no sample is forgotten


@pytest.mark.parametrize("size", [1, 2, 3, 10, 257, 1000])
def test_permute_is_a_permutation_and_its_key_matters(size: int) -> None:
    orders = [batches.permute(np.arange(size), size, 4, key).tolist() for key in (0, 1)]
    assert all(sorted(order) == list(range(size)) for order in orders)
    assert size < 4 or orders[0] != orders[1]


def _masked(store: TokenStore, **options: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(original, input, label) of 60,000 tokens, end to end."""
    config = dataclasses.replace(CONFIG, **options)  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    samples = [random.integers(104, store.vocab_size, 60).astype(np.uint32) for _ in range(1000)]
    inputs, labels = batches.mask(samples, store, config, 0, 0)
    return np.concatenate(samples).astype(int), np.concatenate(inputs), np.concatenate(labels)


def test_exactly_15_percent_of_the_tokens_are_predicted(store: TokenStore) -> None:
    original, _, labels = _masked(store)
    chosen = labels != IGNORE_INDEX
    assert chosen.sum() == round(0.15 * len(labels)) and np.array_equal(labels[chosen], original[chosen])


def test_the_corruption_is_80_10_10(store: TokenStore) -> None:
    original, inputs, labels = _masked(store)
    chosen, mask = labels != IGNORE_INDEX, store.special_ids["[MASK]"]
    n = chosen.sum()
    masked, kept = (inputs[chosen] == mask).sum(), (inputs[chosen] == original[chosen]).sum()
    sigma = np.sqrt(n * 0.1 * 0.9)
    assert abs(masked - 0.8 * n) < 4 * np.sqrt(n * 0.8 * 0.2) and abs(kept - 0.1 * n) < 4 * sigma + n / 1000
    assert abs(n - masked - kept - 0.1 * n) < 4 * sigma + n / 1000
    assert np.array_equal(inputs[~chosen], original[~chosen])
    assert not np.isin(inputs[chosen], [0, 100, 101, 102]).any()  # random tokens are ordinary ones


def test_paper_literal_masks_every_chosen_token(store: TokenStore) -> None:
    _, inputs, labels = _masked(store, corruption=(1.0, 0.0, 0.0))
    assert (inputs[labels != IGNORE_INDEX] == store.special_ids["[MASK]"]).all()


def test_uniform_masking_does_not_look_at_frequency_and_the_exponent_does(store: TokenStore) -> None:
    counts = np.maximum(store.counts, 1)
    rates = {}
    for exponent in (0.0, 0.7):
        original, _, labels = _masked(store, rarity_exponent=exponent)
        chosen, frequent = labels != IGNORE_INDEX, counts[original] > np.median(counts[104:])
        rates[exponent] = chosen[frequent].mean() / chosen[~frequent].mean()
    assert rates[0.0] == pytest.approx(1, abs=0.08) and rates[0.7] < 0.8


def test_special_tokens_are_never_predicted(store: TokenStore) -> None:
    batch = make_batch(store, CONFIG, 0, 0)
    assert not ((batch.labels != IGNORE_INDEX) & ~batch.real).any()
    assert set(batch.input_ids[batch.attended & ~batch.real].tolist()) == {101, 102}
    assert set(batch.input_ids[~batch.attended].tolist()) <= {0}


def test_samples_are_cut_to_the_maximum_length(store: TokenStore) -> None:
    assert make_batch(store, dataclasses.replace(CONFIG, max_length=6), 0, 0).input_ids.shape[1] == 6


def test_buckets_save_padding_and_lose_no_sample(store: TokenStore) -> None:
    plain = dataclasses.replace(CONFIG, bucket_window=1)
    sorted_, unsorted = ([make_batch(store, c, 0, s) for s in range(4)] for c in (CONFIG, plain))
    padding = [sum(int((~b.attended).sum()) for b in many) for many in (sorted_, unsorted)]
    assert padding[0] < padding[1]
    lengths = [sorted(int(n) for b in many for n in b.attended.sum(1)) for many in (sorted_, unsorted)]
    assert lengths[0] == lengths[1]


def test_a_wrong_rank_is_refused(store: TokenStore) -> None:
    with pytest.raises(ValueError, match="rank=2"):
        make_batch(store, CONFIG, 0, 0, 2, 2)


def test_an_empty_store_is_refused() -> None:
    with pytest.raises(ValueError, match="no training sample"):
        batches.stream(np.zeros(3, dtype=np.int64), 1.0, 0, np.arange(4))
