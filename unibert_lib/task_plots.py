"""The figures of notebooks 04 to 08. A function takes a table or plain arrays and returns a Figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from unibert_lib.drawing import HATCHES, PALETTE, canvas, from_zero, mark_zeros, name_ticks, show_legend, tell, wide

MARKERS = {"each": "o", "mono": "D", "all": "s"}


def scores_by_setting(scores: pd.DataFrame, ylabel: str) -> Figure:
    """Each language's score in every setting: a marker a seed, a bar at their mean, the rival as a dashed line.

    ``scores`` has ``language``, ``setting``, ``score`` (fraction) and ``model``; rivals are models ``baseline:...``.
    Pairs of languages (``de-en``) stand last.

    Source: ours (the paper's Tables 2 to 6 as a picture).
    """
    ours = scores[~scores["model"].str.startswith("baseline:")]
    if ours.empty:
        raise ValueError(f"nothing to draw: {len(scores)} result rows, none of a model")
    rivals = scores[scores["model"].str.startswith("baseline:")]
    languages = sorted(ours["language"].unique(), key=lambda code: ("-" in code, code))
    settings = [name for name in MARKERS if name in set(ours["setting"])]
    figure, [axis] = canvas(max(wide(len(languages)), 4.5))
    gap = 0.8 / max(len(settings), 1)
    for number, setting in enumerate(settings):
        part = ours[ours["setting"] == setting].groupby("language")["score"]
        where = [languages.index(code) + (number - (len(settings) - 1) / 2) * gap for code in part.groups]
        axis.bar(
            where,
            100 * part.mean(),
            gap * 0.8,
            color=PALETTE[number],
            alpha=0.35,
            hatch=HATCHES[number],
            edgecolor="white",
            label=setting,
        )
        mark_zeros(axis, where, part.mean())
        for place, (_, values) in zip(where, part, strict=True):
            spots = np.linspace(-0.15, 0.15, len(values)) * gap if len(values) > 1 else [0.0]
            axis.plot(
                place + np.asarray(spots), 100 * values, MARKERS[setting], color=PALETTE[number], ms=5, mec="white"
            )
    best = rivals.groupby("language")["score"].max().dropna()
    best = best[[code for code in languages if code in best.index]]
    for number, (code, rival) in enumerate(best.items()):
        place, name = languages.index(str(code)), "_nolegend_" if number else "trivial rival"
        axis.hlines(100 * rival, place - 0.45, place + 0.45, colors="0.25", linestyles="--", label=name)
    from_zero(axis, 100 * pd.concat([ours["score"], best]), 10.0)
    name_ticks(axis, languages, xlabel="language (Wikipedia code)", ylabel=ylabel)
    show_legend(axis, "above", ncols=4)
    means = {name: 100 * ours[ours["setting"] == name].groupby("language")["score"].mean() for name in settings}
    return tell(figure, "Bars, and a mark a seed", means | ({"trivial rival": 100 * best} if len(best) else {}))


def confusion(true: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> Figure:
    """How often each true label (row) was answered with each label (column), in percent of the row.

    Source: ours.
    """
    counts = np.zeros((len(labels), len(labels)))
    for right, answer in zip(true, predicted, strict=True):
        counts[labels.index(right), labels.index(answer)] += 1
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, [axis] = canvas(1.6 + 0.9 * len(labels), 1.4 + 0.7 * len(labels))
    axis.grid(False)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row in range(len(labels)):
        for column in range(len(labels)):
            dark = shares[row, column] > 55
            axis.text(
                column, row, f"{shares[row, column]:.0f}", ha="center", va="center", color="white" if dark else "black"
            )
    name_ticks(axis, list(labels), xlabel="answered (% of the row)", ylabel="true")
    axis.set_yticks(np.arange(len(labels)), list(labels))
    rows = {f"{right} was answered with": pd.Series(shares[k], index=list(labels)) for k, right in enumerate(labels)}
    return tell(figure, "A table of shares", rows)


def scatter_scores(pairs: pd.DataFrame) -> Figure:
    """Predicted against human similarity, a panel a language; the line is the least-squares fit.

    ``pairs`` has ``language``, ``human``, ``predicted``.

    Source: ours.
    """
    codes = sorted(pairs["language"].unique(), key=lambda code: ("-" in code, code))
    if not codes:
        raise ValueError("nothing to draw: no pair")
    columns = min(6, len(codes))
    rows = -(-len(codes) // columns)
    figure, axes = canvas(2.3 * columns, 2.6 * rows, rows=rows, columns=columns)
    fits: list[dict[str, pd.Series]] = []
    for number, (axis, code) in enumerate(zip(axes, codes, strict=False)):
        part = pairs[pairs["language"] == code]
        axis.plot(part["human"], part["predicted"], "o", ms=3, alpha=0.5, color=PALETTE[0])
        fits.append({f"{len(part)} pairs, predicted": pd.Series({"mean": part["predicted"].mean()})})
        if part["human"].nunique() > 1:
            slope, start = np.polyfit(part["human"], part["predicted"], 1)
            ends = np.array([part["human"].min(), part["human"].max()])
            axis.plot(ends, start + slope * ends, color=PALETTE[1])
            fits[-1] = {f"{len(part)} pairs, fitted line": pd.Series(start + slope * ends, index=ends)}
        axis.set_title(code)
        axis.set_xlabel("human")
        if number % columns == 0:
            axis.set_ylabel("predicted")
    for axis in axes[len(codes) :]:
        axis.set_visible(False)
    return tell(figure, "Points, a panel a language", *fits)


def span_scores(pieces: Sequence[str], starts: Sequence[float], ends: Sequence[float]) -> Figure:
    """How likely each piece of a window is the answer's first or last one.

    ``starts`` and ``ends`` are probabilities.

    Source: ours.
    """
    rows = -(-len(pieces) // 60)  # a long window in lines, as a text
    if rows == 0:
        raise ValueError("nothing to draw: no piece")
    figure, axes = canvas(min(max(0.24 * len(pieces), 5.0), 14.4), 2.6 * rows, rows=rows)
    both = {"start": np.asarray(starts, dtype=float), "end": np.asarray(ends, dtype=float)}
    for row, axis in enumerate(axes):
        part = slice(60 * row, 60 * row + 60)
        where = np.arange(len(pieces[part]))
        axis.bar(where - 0.2, both["start"][part], 0.4, color=PALETTE[0], label="start")
        axis.bar(
            where + 0.2, both["end"][part], 0.4, color=PALETTE[1], hatch=HATCHES[1], edgecolor="white", label="end"
        )
        axis.set_xticks(where, list(pieces[part]), rotation=90, fontsize=8)
        axis.set(ylabel="probability", xlim=(-1, min(max(len(pieces), 20), 60)))
        from_zero(axis, np.concatenate(list(both.values())))
    show_legend(axes[0], "above", ncols=2)
    named = {name: pd.Series(values, index=list(pieces)) for name, values in both.items()}
    return tell(figure, f"Bars, two a piece, {len(pieces)} pieces", named)
