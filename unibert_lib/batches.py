"""(seed, step) -> batch: a pure function, so that a resumed run needs to know only its step.

The training samples form one endless stream of positions; step ``s`` takes positions ``s * batch_size``
onwards. Which sample stands at a position, how it is masked and who is its neighbour all follow from the
seed by keyed permutations and counter-based random numbers: nothing is drawn from a state.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from numpy.typing import NDArray
from torch import Tensor

from unibert_lib.config import BatchConfig
from unibert_lib.tokens import TokenStore

IGNORE_INDEX = -100
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Samples side by side (``padded``, one row each) or end to end (``packed``, one row in all).

    ``sequence_ids`` numbers the samples within the batch, -1 is padding; ``real`` marks the tokens that are
    neither padding nor [CLS] nor [SEP]; ``labels`` holds the original id where a token is to be predicted and
    ``IGNORE_INDEX`` elsewhere; ``language_ids`` has one entry a sample.
    """

    input_ids: Int[Tensor, "rows seq"]
    labels: Int[Tensor, "rows seq"]
    position_ids: Int[Tensor, "rows seq"]
    sequence_ids: Int[Tensor, "rows seq"]
    real: Bool[Tensor, "rows seq"]
    language_ids: Int[Tensor, " samples"]

    def to(self, device: torch.device) -> Batch:
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    @property
    def attended(self) -> Bool[Tensor, "rows seq"]:
        return self.sequence_ids >= 0

    @property
    def packed(self) -> bool:
        return self.sequence_ids.shape[0] != len(self.language_ids)

    @property
    def attention_mask(self) -> Tensor:
        """[rows, seq] for padded samples; [1, 1, seq, seq], block-diagonal, for packed ones.

        The latter grows with the square of the tokens: it is for looking at, and training builds none.
        """
        if not self.packed:
            return self.attended.long()
        same = self.sequence_ids[:, :, None] == self.sequence_ids[:, None, :]
        return (same & self.attended[:, None, :]).unsqueeze(1)


def make_batch(store: TokenStore, config: BatchConfig, seed: int, step: int, rank: int = 0, world: int = 1) -> Batch:
    """The share of one process in the global batch of one step.

    Every process works out the whole global batch and keeps each ``world``-th sample from ``rank`` on, so
    that 1 process x 2b and 2 processes x b see the same samples with the same masks.

    Raises
    ------
    ValueError
        If ``rank`` is not in ``[0, world)`` or the store has no training sample.

    Source: paper 3.3.1 and 3.4 (masking, batch size); statelessness is ours.
    """
    if not 0 <= rank < world:
        raise ValueError(f"rank={rank} with world={world}: 0 <= rank < world is needed")
    languages, indices = _samples(store, config, seed, step)
    samples = [
        store.ids(int(language), int(index))[: config.max_length - 2]
        for language, index in zip(languages, indices, strict=True)
    ]
    inputs, labels = mask(samples, store, config, seed, step)
    mine = range(rank, len(samples), world)
    chosen = torch.as_tensor(np.ascontiguousarray(languages[rank::world]))
    return assemble([inputs[i] for i in mine], [labels[i] for i in mine], chosen, store.special_ids, config.layout)


def mask(
    samples: list[NDArray[np.uint32]], store: TokenStore, config: BatchConfig, seed: int, step: int
) -> tuple[list[Integers], list[Integers]]:
    """Choose 15 % of the batch's tokens, corrupt them 80/10/10, and say what stood there.

    Exactly ``round(mask_probability * tokens)`` tokens are drawn without replacement, each with weight
    ``count ** -rarity_exponent`` (an exponent of 0 is uniform), by Gumbel's trick: the largest of
    ``log(weight) + noise``. The draw runs over the samples end to end, so the layout does not matter.

    Source: paper 3.4 (15 %, uniform); Devlin et al. (2019), 3.1 (80/10/10).
    """
    flat = np.concatenate([np.asarray(s, dtype=np.int64) for s in samples]) if samples else np.zeros(0, dtype=np.int64)
    random = np.random.Generator(np.random.Philox(key=[seed, 2 * step + 1]))
    weights = -config.rarity_exponent * np.log(np.maximum(store.counts[flat], 1))
    priority = weights - np.log(-np.log(random.random(len(flat)) + 1e-300) + 1e-300)
    chosen = np.argsort(-priority, kind="stable")[: round(config.mask_probability * len(flat))]
    labels = np.full(len(flat), IGNORE_INDEX, dtype=np.int64)
    labels[chosen] = flat[chosen]
    inputs, dice = flat.copy(), random.random(len(flat))[chosen]
    to_mask, to_random, _ = config.corruption
    inputs[chosen[dice < to_mask]] = store.special_ids["[MASK]"]
    swapped = chosen[(dice >= to_mask) & (dice < to_mask + to_random)]
    ordinary = np.setdiff1d(np.arange(store.vocab_size), list(store.special_ids.values()))
    inputs[swapped] = ordinary[random.integers(0, len(ordinary), len(flat))[swapped]]
    ends = np.cumsum([len(s) for s in samples])[:-1]
    return np.split(inputs, ends), np.split(labels, ends)


def assemble(
    inputs: list[Integers],
    labels: list[Integers],
    language_ids: Tensor,
    special: dict[str, int],
    layout: str = "padded",
) -> Batch:
    """Frame each sample with [CLS] and [SEP] and lay the samples out. Source: ours."""
    lengths = [len(i) + 2 for i in inputs]
    shape = (1, sum(lengths)) if layout == "packed" else (len(inputs), max(lengths, default=2))
    ids, target = torch.full(shape, special["[PAD]"]), torch.full(shape, IGNORE_INDEX)
    position, sequence = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
    real = torch.zeros(shape, dtype=torch.bool)
    offset = 0
    for number, (words, answers) in enumerate(zip(inputs, labels, strict=True)):
        row, start = (0, offset) if layout == "packed" else (number, 0)
        end = start + len(words) + 2
        ids[row, start], ids[row, end - 1] = special["[CLS]"], special["[SEP]"]
        ids[row, start + 1 : end - 1] = torch.from_numpy(words)
        target[row, start + 1 : end - 1] = torch.from_numpy(answers)
        position[row, start:end] = torch.arange(end - start)
        sequence[row, start:end] = number
        real[row, start + 1 : end - 1] = True
        offset = end
    return Batch(ids, target, position, sequence, real, language_ids)


def fill(batch: Batch, multiple: int) -> Batch:
    """A packed batch filled up with padding to a multiple of tokens, so that a GPU sees few different shapes."""
    missing = -batch.input_ids.shape[1] % multiple
    if not batch.packed or not missing:
        return batch
    values = {"input_ids": 0, "labels": IGNORE_INDEX, "position_ids": 0, "sequence_ids": -1, "real": False}
    wide = {name: F.pad(getattr(batch, name), (0, missing), value=value) for name, value in values.items()}
    return dataclasses.replace(batch, **wide)


def _samples(store: TokenStore, config: BatchConfig, seed: int, step: int) -> tuple[Integers, Integers]:
    """(language, index) of each sample of the global batch, sorted by length within a window of steps."""
    window, place = divmod(step, config.bucket_window)
    languages, indices, order = _window(store.path, store.fingerprint, config, seed, window)
    rows = order[place]
    return languages[rows], indices[rows]


@lru_cache(maxsize=4)
def _window(
    path: object, mark: str, config: BatchConfig, seed: int, window: int
) -> tuple[Integers, Integers, Integers]:
    store = TokenStore.open(path)  # type: ignore[arg-type]
    size = config.bucket_window * config.batch_size
    languages, indices = stream(
        store.sizes(), config.language_alpha, seed, np.arange(window * size, (window + 1) * size)
    )
    lengths = np.array([store.rows(int(a))[int(i), 1] for a, i in zip(languages, indices, strict=True)])
    order = np.argsort(lengths, kind="stable") if config.bucket_window > 1 else np.arange(size)
    batches = order.reshape(config.bucket_window, config.batch_size)
    shuffle = np.random.Generator(np.random.Philox(key=[seed, 2 * window])).permutation(config.bucket_window)
    return languages, indices, batches[shuffle]


def stream(sizes: Integers, alpha: float, seed: int, positions: Integers) -> tuple[Integers, Integers]:
    """The (language, index) at each position of the endless training stream.

    The stream is cut into epochs of ``sizes.sum()`` positions. In each, language ``l`` has a fixed quota
    proportional to ``sizes[l] ** alpha`` (largest remainders), and the quotas are interleaved by a keyed
    permutation; within a language, samples come in permuted rounds, each sample once a round. With
    ``alpha = 1`` every epoch therefore holds every sample exactly once.

    Source: ours; Devlin et al. (2019) for alpha = 0.7 in mBERT.
    """
    total = int(sizes.sum())
    if total == 0:
        raise ValueError("the token store has no training sample; build the corpus first")
    shares = np.where(sizes > 0, sizes.astype(float) ** alpha, 0.0)
    exact = shares / shares.sum() * total
    quota = np.floor(exact).astype(np.int64)
    quota[np.argsort(-(exact - quota), kind="stable")[: total - quota.sum()]] += 1
    ends = np.cumsum(quota)
    epochs, within = np.divmod(positions, total)
    slots = permute(within, total, seed, 2 * epochs)
    languages = np.searchsorted(ends, slots, side="right")
    counter = epochs * quota[languages] + slots - (ends - quota)[languages]
    rounds, rank = np.divmod(counter, sizes[languages])
    return languages, permute(rank, sizes[languages], seed, 2 * rounds * len(sizes) + 2 * languages + 1)


def permute(values: Integers, size: Integers | int, seed: int, key: Integers | int) -> Integers:
    """A keyed permutation of ``range(size)``, one value at a time: a Feistel network with cycle walking.

    Needs no table, so that an epoch of 10**9 samples costs as little as one of ten.
    Source: Black and Rogaway (2002), "Ciphers with arbitrary finite domains".
    """
    size, key = (
        np.broadcast_to(size, values.shape).astype(np.uint64),
        np.broadcast_to(key, values.shape).astype(np.uint64),
    )
    half = np.array([max(1, (int(s - 1).bit_length() + 1) // 2) for s in np.unique(size)], dtype=np.uint64)
    bits = half[np.searchsorted(np.unique(size), size)]
    low = (np.uint64(1) << bits) - np.uint64(1)
    result, todo = values.astype(np.uint64), np.ones(values.shape, dtype=bool)
    while todo.any():
        left, right = result[todo] >> bits[todo], result[todo] & low[todo]
        for turn in range(4):
            mixed = _mix(right, np.uint64(seed), np.asarray(key[todo] * 4 + turn, dtype=np.uint64)) & low[todo]
            left, right = right, left ^ mixed
        result[todo] = (left << bits[todo]) | right
        todo = result >= size
    return result.astype(np.int64)


def _mix(x: NDArray[np.uint64], seed: np.uint64, key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finaliser over value, seed and key."""
    with np.errstate(over="ignore"):
        z = (
            x
            + seed * np.uint64(0x9E3779B97F4A7C15)
            + key * np.uint64(0xD1B54A32D192ED03)
            + np.uint64(0x632BE59BD9B4E019)
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
