"""What a pretrained model learned: held-out masked tokens, distance to the teacher, a fresh language probe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import batches, objective
from unibert_lib.batches import Batch
from unibert_lib.config import BatchConfig
from unibert_lib.encoder import encode as encode
from unibert_lib.encoder import head as head
from unibert_lib.tokens import Split, TokenStore


def language_batches(
    store: TokenStore,
    language: int,
    split: Split,
    samples: int,
    seed: int,
    *,
    max_length: int = 512,
    mask_probability: float = 0.15,
) -> Iterator[Batch]:
    """Up to ``samples`` samples of one language in a fixed order with fixed masks, all of them [MASK]."""
    config = BatchConfig(max_length=max_length, mask_probability=mask_probability, corruption=(1.0, 0.0, 0.0))
    size = len(store.rows(language, split))
    chosen = (
        batches.permute(np.arange(min(samples, size)), size, seed, language) if size else np.zeros(0, dtype=np.int64)
    )
    rows = store.rows(language, split)
    chosen = chosen[np.argsort(rows[chosen, 1], kind="stable")]
    for number, part in enumerate(np.split(chosen, range(64, len(chosen), 64))):
        ids = [np.asarray(store.ids(language, int(i), split)[: max_length - 2], dtype=np.uint32) for i in part]
        if ids:
            inputs, labels = batches.mask(ids, store, config, seed, language * 100_003 + number)
            yield batches.assemble(inputs, labels, torch.full((len(ids),), language), store.special_ids)


@torch.no_grad()
def masked_tokens(
    model: PreTrainedModel,
    store: TokenStore,
    *,
    teacher: PreTrainedModel | None = None,
    temperature: float = 1.0,
    samples: int = 256,
    seed: int = 0,
    max_length: int = 512,
) -> pd.DataFrame:
    """One row a language on held-out text: masked-token accuracy, its loss, and the distance to the teacher.

    Columns: language, tokens (masked ones scored), accuracy, unigram (accuracy of always answering the
    language's most frequent training token), loss (nats), kl (KL(teacher || student) in nats per masked
    token, NaN without a teacher), teacher_accuracy. A language without held-out text has no row.

    Source: ours.
    """
    device, rows, training = model.device, [], model.training
    model.eval()
    for language, code in enumerate(store.languages):
        guess = store.meta["statistics"][code]["most_frequent"]
        sums = dict.fromkeys(("tokens", "hits", "unigram", "loss", "kl", "teacher_hits"), 0.0)
        for cpu in language_batches(store, language, "heldout", samples, seed, max_length=max_length):
            batch = cpu.to(device)
            chosen = batch.labels != batches.IGNORE_INDEX
            labels = batch.labels[chosen]
            logits = head(model, encode(model, batch)[chosen])
            sums["tokens"] += len(labels)
            sums["hits"] += float((logits.argmax(-1) == labels).sum())
            sums["unigram"] += float((labels == guess).sum())
            sums["loss"] += float(F.cross_entropy(logits, labels, reduction="sum"))
            if teacher is not None and len(labels):
                expected = head(teacher, encode(teacher, batch)[chosen])
                sums["kl"] += len(labels) * float(
                    objective.distillation_loss(logits, expected, temperature=temperature, temperature_squared=False)
                )
                sums["teacher_hits"] += float((expected.argmax(-1) == labels).sum())
        n = sums["tokens"]
        if n:
            known = teacher is not None
            rows.append(
                {
                    "language": code,
                    "tokens": int(n),
                    "accuracy": sums["hits"] / n,
                    "unigram": sums["unigram"] / n,
                    "loss": sums["loss"] / n,
                    "kl": sums["kl"] / n if known else float("nan"),
                    "teacher_accuracy": sums["teacher_hits"] / n if known else float("nan"),
                }
            )
    model.train(training)
    columns = ["language", "tokens", "accuracy", "unigram", "loss", "kl", "teacher_accuracy"]
    return pd.DataFrame(rows, columns=columns)


@torch.no_grad()
def fill_masks(
    model: PreTrainedModel,
    store: TokenStore,
    tokenizer: TokenizersBackend,
    languages: int = 5,
    top: int = 5,
    length: int = 24,
) -> pd.DataFrame:
    """The model's ``top`` answers for the middle word of one held-out sample in each of some languages.

    Columns: language, text (with [MASK]), answer, guesses (best first). The languages are spread evenly over
    the store's; the sample is each one's first of at least five pieces. [UNK] and the other special tokens are
    neither asked for nor offered: they say that there is no word, and are no word to guess.

    Source: ours.
    """
    rows, training, special = [], model.training, store.special_ids
    no_words = torch.tensor(sorted(special.values()), device=model.device)
    model.eval()
    for language in np.unique(np.linspace(0, len(store.languages) - 1, languages).round().astype(int)):
        lengths = store.rows(int(language), "heldout")[:, 1]
        if (lengths >= 5).any():
            ids = np.asarray(store.ids(int(language), int((lengths >= 5).argmax()), "heldout")[:length], dtype=np.int64)
            places = np.flatnonzero(~np.isin(ids, list(special.values())))
            place = int(places[len(places) // 2]) if len(places) else len(ids) // 2
            answer = int(ids[place])
            ids[place] = special["[MASK]"]
            blank = np.full_like(ids, batches.IGNORE_INDEX)
            batch = batches.assemble([ids], [blank], torch.tensor([int(language)]), special).to(model.device)
            logits = head(model, encode(model, batch)[0, place + 1 : place + 2])
            best = logits.index_fill(-1, no_words, float("-inf")).topk(top).indices[0]
            texts = {"text": tokenizer.decode(ids.tolist()), "answer": tokenizer.convert_ids_to_tokens(answer)}
            guesses = " ".join(tokenizer.convert_ids_to_tokens(best.tolist()))
            rows.append({"language": store.languages[int(language)], **texts, "guesses": guesses})
    model.train(training)
    return pd.DataFrame(rows, columns=["language", "text", "answer", "guesses"])


@dataclass(frozen=True)
class Probe:
    """A fresh language probe's result on held-out samples; ``bits`` is what it still had to be told.

    ``chance`` is the share of the language with the most samples; ``right`` says for each sample whether it was read
    right, in an order that is the same for every model.
    """

    accuracy: float
    chance: float
    bits: float
    prior_bits: float
    samples: int
    right: NDArray[np.bool_] = field(repr=False, compare=False)


@torch.no_grad()
def features(
    model: PreTrainedModel, store: TokenStore, split: Split, samples: int, seed: int, max_length: int = 512
) -> tuple[Float[Tensor, "samples hidden"], Int[Tensor, " samples"]]:
    """Pooled last-layer vectors of unmasked text and their language numbers, at most ``samples`` a language."""
    vectors, labels, training = [], [], model.training
    model.eval()
    for language in range(len(store.languages)):
        for cpu in language_batches(store, language, split, samples, seed, max_length=max_length, mask_probability=0.0):
            batch = cpu.to(model.device)
            vectors.append(
                objective.pool(encode(model, batch), batch.sequence_ids, batch.real, len(batch.language_ids)).cpu()
            )
            labels.append(cpu.language_ids)
    model.train(training)
    return torch.cat(vectors), torch.cat(labels)


def probe_language(
    model: PreTrainedModel,
    store: TokenStore,
    *,
    samples: int = 128,
    seed: int = 0,
    decay: float = 1e-3,
    max_length: int = 512,
) -> Probe:
    """Train a new linear classifier on frozen pooled vectors and see how well it reads the language.

    Vectors are standardised with the training split's mean and deviation; the classifier is fitted by
    L-BFGS with an L2 penalty, so that the figure does not hang on a learning rate. The discriminator that
    took part in training would not do: the student learned to fool that one.

    Source: ours; Elazar and Goldberg (2018) for judging adversarial removal by a fresh probe.
    """
    train_x, train_y = features(model, store, "train", samples, seed, max_length)
    test_x, test_y = features(model, store, "heldout", samples, seed, max_length)
    mean, deviation = train_x.mean(0), train_x.std(0).clamp(min=1e-6)
    train_x, test_x = (train_x - mean) / deviation, (test_x - mean) / deviation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = nn.Linear(train_x.shape[1], len(store.languages))
    optimizer = torch.optim.LBFGS(reader.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(reader(train_x), train_y) + decay * reader.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        read = reader(test_x)
    right = read.argmax(-1) == test_y
    shares = torch.bincount(test_y, minlength=len(store.languages)) / len(test_y)
    prior = -sum(float(p * p.log2()) for p in shares if p > 0)
    return Probe(
        accuracy=float(right.float().mean()),
        chance=float(shares.max()),
        bits=float(F.cross_entropy(read, test_y)) / float(np.log(2)),
        prior_bits=prior,
        samples=len(test_y),
        right=right.numpy(),
    )
