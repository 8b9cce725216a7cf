"""BERT's own layers over padded batches, or over packed ones, in which no token is padding.

A packed row holds all samples end to end. Everything in a layer but attention works token by token, so only
attention needs to know where samples end; it is computed sample by sample and no mask is ever built.
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import groupby
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn

from unibert_lib.batches import Batch
from unibert_lib.products import FastLinear, run
from unibert_lib.student import MAX_POSITIONS

Parts = tuple[Tensor, Tensor, Tensor]  # queries, keys and values


def encode(
    model: nn.Module, batch: Batch, needed: Bool[Tensor, "rows seq"] | None = None, *, compiled: bool = False
) -> Float[Tensor, "*where hidden"]:
    """The encoder's last hidden states, [rows, seq, hidden], for padded and packed batches alike.

    With ``needed`` only those tokens' states, [tokens, hidden]: in a packed batch the last layer then computes
    no others after its attention. ``compiled`` lets torch.compile fuse what surrounds attention (packed only).

    Source: Devlin et al. (2019) for the layers; Krell et al. (2021), "Efficient sequence packing", for packing.
    """
    bert: Any = model.bert
    if not batch.packed:
        hidden: Tensor = bert(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids
        ).last_hidden_state
        return hidden if needed is None else hidden[needed]
    device = batch.input_ids.device.type
    compiled = compiled and (device == "cuda" or torch.is_autocast_enabled(device))  # oneDNN's products gain more
    project, finish = run(_project, compiled), run(_finish, compiled)
    faster: Any = nullcontext() if compiled else FastLinear()
    x = bert.embeddings(input_ids=batch.input_ids, position_ids=batch.position_ids)[0]
    samples, layers = Samples(batch), list(bert.encoder.layer)
    for layer in layers:
        with faster:
            parts = project(layer, x)
        context = samples.attend(parts, layer.attention.self.dropout.p if layer.training else 0.0)
        if needed is not None and layer is layers[-1]:
            x, context = x[needed[0]], context[needed[0]]
        with faster:
            x = finish(layer, x, context)
    found: Tensor = x if needed is not None else x.unsqueeze(0)
    return found


def head(model: nn.Module, hidden: Float[Tensor, "tokens hidden"]) -> Float[Tensor, "tokens vocab"]:
    """Logits of selected tokens, in fp32 or double."""
    logits: Tensor = model.cls(hidden)  # type: ignore[operator]
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _project(layer: Any, x: Tensor) -> Parts:
    """Queries, keys and values, each [tokens, heads, head_dim]."""
    attention = layer.attention.self
    heads = attention.num_attention_heads
    q, k, v = (part(x).unflatten(-1, (heads, -1)) for part in (attention.query, attention.key, attention.value))
    return q, k, v


def _finish(layer: Any, x: Tensor, context: Tensor) -> Tensor:
    """What follows attention in a layer: its output matrix, the feed-forward part, and both residual sums."""
    x = layer.attention.output(context.flatten(-2), x)
    finished: Tensor = layer.output(layer.intermediate(x), x)
    return finished


class Samples:
    """Where the samples of a packed row begin and end, and attention within each of them.

    On a GPU in half precision and without attention dropout: torch's variable-length flash attention. On a GPU
    otherwise: samples side by side, padded for attention alone. On a CPU: neighbours of one length together.
    """

    def __init__(self, batch: Batch) -> None:
        self.ids, self.positions, self.number = batch.sequence_ids[0], batch.position_ids[0], len(batch.language_ids)
        self._lengths: list[int] | None = None

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sample; what fills the row up to a multiple counts as one more sample."""
        if self._lengths is None:
            own = torch.bincount(self.ids[self.ids >= 0], minlength=self.number).tolist()
            filling = len(self.ids) - sum(own)
            self._lengths = [*own, filling] if filling else own
        return self._lengths

    def attend(self, parts: Parts, dropout: float = 0.0) -> Float[Tensor, "tokens heads head_dim"]:
        query = parts[0]
        if query.is_cuda and query.dtype != torch.float32 and not dropout:
            return self._flash(parts)
        return self._side_by_side(parts, dropout) if query.is_cuda else self._by_length(parts, dropout)

    def _flash(self, parts: Parts) -> Tensor:
        numbers = torch.where(self.ids < 0, self.number, self.ids)  # filling stands last
        marks = torch.arange(self.number + 2, device=numbers.device)
        ends = torch.searchsorted(numbers, marks).int()  # no length travels to the CPU: nothing has to wait
        attended: Any = varlen_attn(*parts, ends, ends, MAX_POSITIONS, MAX_POSITIONS)
        return cast(Tensor, attended)

    def _side_by_side(self, parts: Parts, dropout: float) -> Tensor:
        rows, width, filling = len(self.lengths), max(self.lengths), self.ids < 0
        within = torch.where(filling, filling.cumsum(0) - 1, self.positions)
        slots = torch.where(filling, self.number, self.ids) * width + within
        wide = [x.new_zeros(rows * width, *x.shape[1:]).index_copy(0, slots, x) for x in parts]
        query, key, value = (x.unflatten(0, (rows, width)).transpose(1, 2) for x in wide)
        columns = torch.arange(width, device=query.device)
        mask = (columns < torch.tensor(self.lengths, device=query.device)[:, None])[:, None, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return attended.transpose(1, 2).flatten(0, 1).index_select(0, slots)

    def _by_length(self, parts: Parts, dropout: float) -> Tensor:
        runs = [(length, len(list(same))) for length, same in groupby(self.lengths)]
        sizes, attended = [length * count for length, count in runs], []
        for (length, _), *cut in zip(runs, *(part.split(sizes) for part in parts), strict=True):
            query, key, value = (part.unflatten(0, (-1, length)).transpose(1, 2) for part in cut)
            made = _attention(query, key, value, dropout)
            attended.append(made.transpose(1, 2).flatten(0, 1))
        return torch.cat(attended)


def _attention(query: Tensor, key: Tensor, value: Tensor, dropout: float) -> Tensor:
    if query.dtype == torch.float32 or query.dtype == torch.float64:
        return F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
    # In half precision torch's kernel for CPUs takes two to three times as long as its parts, backward included.
    shares = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1).to(value.dtype)
    return F.dropout(shares, dropout) @ value
