"""Every figure of the notebooks. A function takes a table or plain arrays and returns a Figure.

Axes carry their units; what the figures share in looks is in :mod:`unibert_lib.drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from unibert_lib.drawing import (
    LABEL_BOX,
    PALETTE,
    TERMS,
    bars_of,
    canvas,
    from_zero,
    mark_zeros,
    name_ticks,
    plain_log,
    show_legend,
    tell,
    wide,
)
from unibert_lib.drawing import text_table as text_table  # the notebooks find it beside the figures

LANGUAGE_AXIS = "language (Wikipedia code)"
PANELS: dict[str, dict[str, str]] = {  # axis label -> column of metrics.jsonl -> name in the legend
    "loss (nats)": {
        "mlm": "MLM",
        "mlm_unsmoothed": "MLM, unsmoothed",
        "distillation": "distillation",
        "discriminator": "discriminator",
    },
    "accuracy at reading the language": {
        "discriminator_accuracy": "discriminator",
        "chance": "chance (always the batch's commonest language)",
    },
    "gradient norm at the encoder": {
        "gradient_mlm": "MLM",
        "gradient_adversary": "adversary",
        "gradient_distillation": "distillation",
    },
    "real tokens per second": {"tokens_per_second": "speed"},
}


def _need(table: pd.DataFrame, *columns: str) -> None:
    missing = [name for name in columns if name not in table]
    if missing or table.empty:
        there = list(table.columns)
        raise ValueError(f"nothing to draw: missing columns {missing}, {len(table)} rows; there are {there}")


def corpus_bars(report: pd.DataFrame) -> Figure:
    """The paper's Figure 1 redrawn: text per language on a log scale, before and after the rules.

    ``report`` has ``language``, ``bytes_in`` and ``bytes_out``, one row a language. A language with nothing
    left gets a 0 instead of a bar.

    Source: UniBERT 3.1, Figure 1; the bars before the rules are ours.
    """
    _need(report, "language", "bytes_in", "bytes_out")
    table = report.sort_values("bytes_out", ascending=False)
    largest = float(table[["bytes_in", "bytes_out"]].to_numpy().max())
    if not largest > 0:
        raise ValueError(f"nothing to draw: none of the {len(table)} languages has any text")
    steps = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))
    unit, name = next((u, n) for u, n in steps if largest >= u or u == 1)
    figure, [axis] = canvas(wide(len(table)))
    where = np.arange(len(table))
    axis.bar(where - 0.2, table["bytes_in"] / unit, 0.4, color=PALETTE[7], label="before the rules")
    axis.bar(where + 0.2, table["bytes_out"] / unit, 0.4, color=PALETTE[0], label="after")
    axis.set_yscale("log")
    smallest = float(table["bytes_out"].where(table["bytes_out"] > 0).min()) / unit
    if np.isfinite(smallest):  # a whole decade below the smallest bar, or its height would say nothing
        axis.set_ylim(bottom=10 ** np.floor(np.log10(smallest / 2)))
    plain_log(axis.yaxis)
    name_ticks(axis, list(table["language"]), xlabel=LANGUAGE_AXIS, ylabel=f"text ({name}, log scale)")
    for position, left in zip(where, table["bytes_out"], strict=True):
        if left == 0:
            axis.annotate("0", (position + 0.2, 0.01), xycoords=("data", "axes fraction"), ha="center")
    show_legend(axis, "above", ncols=2)
    sizes = table.set_index("language")[["bytes_in", "bytes_out"]] / unit
    return tell(figure, "Bars, two a language", {"before the rules": sizes["bytes_in"], "after": sizes["bytes_out"]})


def stacked_bars(
    table: pd.DataFrame, ylabel: str, *, xlabel: str = "", legend: str = "", shares: bool = False
) -> Figure:
    """Stacked bars in the table's own unit: one bar a row (index), one layer a column.

    With ``shares`` every layer that is high enough for it carries its share of the bar.

    Source: ours.
    """
    if table.empty:
        raise ValueError("nothing to draw: the table is empty")
    figure, [axis] = canvas(wide(len(table)) + 1.5)
    where, bottom = np.arange(len(table)), np.zeros(len(table))
    total = table.sum(axis=1).to_numpy(dtype=float)
    for number, name in enumerate(table.columns):
        values = table[name].to_numpy(dtype=float)
        bars = bars_of(axis, where, values, 0.65, number, bottom=bottom, label=str(name))
        if shares:
            parts = 100 * values / np.where(total > 0, total, 1)
            readable = values > 0.06 * total.max()
            texts = [f"{part:.0f} %" if shown else "" for part, shown in zip(parts, readable, strict=True)]
            for text in axis.bar_label(bars, texts, label_type="center", fontsize=9):
                text.set_bbox(LABEL_BOX if text.get_text() else None)
        bottom += values
    from_zero(axis, total)
    mark_zeros(axis, where, total)
    name_ticks(axis, list(table.index), xlabel=xlabel, ylabel=ylabel)
    show_legend(axis, title=legend or None)
    layers = {str(name): table[name] for name in table.columns}
    return tell(figure, "Stacked bars", {"in all": table.sum(axis=1), **layers})


def drops_stacked(drops: pd.DataFrame) -> Figure:
    """What each rule dropped, per language, in percent of the paragraphs that came in.

    ``drops`` has one row a language (index) and one column a reason.

    Source: the rules are UniBERT 3.1; the figure is ours.
    """
    order = drops.sum(axis=1).sort_values(ascending=False).index
    took = drops.columns[drops.sum(axis=0) > 0]  # a rule that only changes text has no bar
    took = took if len(took) else drops.columns  # nothing was dropped: a row of zeros says so
    return stacked_bars(drops.loc[order, took], "dropped paragraphs (%)", xlabel=LANGUAGE_AXIS, legend="reason")


def token_histogram(lengths: Mapping[str, Sequence[int]], limit: int = 512) -> Figure:
    """Word pieces per paragraph: all languages together as a histogram, and each by its quantiles.

    On the right a thin line runs from the 5th to the 95th percentile, a thick one between the quartiles, the dot is the
    median and the cross the maximum. The model's window of ``limit`` pieces is marked where paragraphs come near it.

    Source: UniBERT 3.1 (mean about 110, maximum about 10 K); the figure is ours.
    """
    known = {language: np.asarray(values) for language, values in lengths.items() if len(values)}
    if not known:
        raise ValueError("nothing to draw: no paragraph lengths")
    figure, [left, right] = canvas(4.0 + wide(len(known)), columns=2, widths=(4.0, wide(len(known))))
    pooled = np.concatenate(list(known.values()))
    bins = [float(edge) for edge in np.geomspace(1, max(int(pooled.max()), 2) * 1.05, 30)]
    left.hist(pooled, bins, weights=np.full(len(pooled), 100 / len(pooled)), color=PALETTE[0], edgecolor="white")
    left.set_xscale("log")
    left.set(xlabel="word pieces in a paragraph (log scale)", ylabel="paragraphs (%)")
    for place, values in enumerate(known.values()):
        low, first, middle, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
        right.vlines(place, low, high, color=PALETTE[0], lw=1.2)
        right.vlines(place, first, third, color=PALETTE[0], lw=5)
        right.plot(place, middle, "o", color="white", markeredgecolor="black", markersize=5)
        right.plot(place, values.max(), "x", color="0.3", markersize=5)
    right.set_yscale("log")
    name_ticks(right, list(known), xlabel=LANGUAGE_AXIS, ylabel="word pieces in a paragraph (log scale)")
    plain_log(left.xaxis)
    plain_log(right.yaxis)
    if pooled.max() > limit / 4:
        right.axhline(limit, color="0.3", lw=1, ls="--")
        right.annotate(f"window {limit}", (0.01, limit), xycoords=("axes fraction", "data"), va="bottom")
    steps = ("5th percentile", "median", "95th percentile", "maximum")
    spread = pd.Series(np.quantile(pooled, (0.05, 0.5, 0.95, 1)), index=steps)
    each = pd.DataFrame({code: np.quantile(values, (0.5, 1)) for code, values in known.items()}).T
    return tell(
        figure,
        "A histogram, and beside it each language's quantiles",
        {str(name): pd.Series({"all languages": value}) for name, value in spread.items()},
        {"median": each[0], "maximum": each[1]},
    )


def size_comparison(table: pd.DataFrame, quantity: str = "parameters (millions)") -> Figure:
    """Per student, what each assumption predicts (bars) against what the paper prints (lines).

    ``table`` has ``size``, ``assumption`` and ``value``; assumptions that start with "Table 1" are printed.

    Source: UniBERT Table 1; the predictions are ours.
    """
    _need(table, "size", "assumption", "value")
    sizes = list(dict.fromkeys(table["size"]))
    printed = table["assumption"].str.startswith("Table 1")
    assumptions = list(dict.fromkeys(table.loc[~printed, "assumption"]))
    figure, [axis] = canvas(6.5)
    width = 0.8 / max(len(assumptions), 1)
    for number, assumption in enumerate(assumptions):
        values = table[table["assumption"] == assumption].set_index("size")["value"].reindex(sizes)
        where = np.arange(len(sizes)) - 0.4 + (number + 0.5) * width
        bars = bars_of(axis, where, values, width, number, label=assumption)
        axis.bar_label(bars, fmt="%.1f", fontsize=9, label_type="center", bbox=LABEL_BOX)
    for number, (_, row) in enumerate(table[printed].iterrows()):
        centre = sizes.index(row["size"])
        label = str(row["assumption"]) if number == 0 else "_"  # matplotlib leaves "_" out of the legend
        axis.hlines(row["value"], centre - 0.45, centre + 0.45, color="black", lw=1.5, label=label)
    name_ticks(axis, sizes, xlabel="student", ylabel=quantity)
    show_legend(axis, "above", ncols=3)
    parts = {str(name): part.set_index("size")["value"] for name, part in table.groupby("assumption", sort=False)}
    return tell(figure, "Bars of predictions, lines of printed figures", parts)


def loss_curves(metrics: pd.DataFrame, window: int = 1) -> Figure:
    """The three losses, the discriminator against chance, the gradients at the encoder, and the speed.

    ``metrics`` is ``metrics.jsonl`` of one student as a table, one row a step. A panel draws the columns it
    finds, smoothed over ``window`` steps (1: as logged), the raw values pale behind. The unsmoothed MLM loss
    gets a line only where it differs from the one trained on.

    Raises
    ------
    ValueError
        If the table is empty or holds several students.

    Source: UniBERT 3.3 (the losses); what is logged beside them is ours.
    """
    _need(metrics, "step")
    if "student" in metrics and metrics["student"].nunique() > 1:
        raise ValueError(f"students {sorted(metrics['student'].unique())} in one table; choose the rows of one")
    table = metrics.copy()
    if {"tokens", "seconds"} <= set(table):
        table["tokens_per_second"] = table["tokens"] / table["seconds"]
    both = {"mlm", "mlm_unsmoothed"} <= set(table)
    if both and np.allclose(table["mlm"], table["mlm_unsmoothed"], equal_nan=True):
        table = table.drop(columns="mlm_unsmoothed")
    figure, axes = canvas(10, 6, 2, 2)
    told: list[dict[str, pd.Series]] = []
    for axis, (label, columns) in zip(axes, PANELS.items(), strict=True):
        present = [name for name in columns if name in table and table[name].notna().any()]
        told.append({})
        for name in present:
            values = table[["step", name]].dropna()
            smooth = values[name].rolling(window, min_periods=1, center=True).mean()
            colour, dash = TERMS.get(columns[name], ("0.3", "-"))
            if window > 1 and name != "chance":
                axis.plot(values["step"], values[name], color=colour, alpha=0.2, lw=0.8)
            mark = "o" if len(values) == 1 else ""  # a line of one step would be invisible
            axis.plot(values["step"], smooth, marker=mark, color=colour, ls=dash, lw=1.6, label=columns[name])
            told[-1][columns[name]] = pd.Series(smooth.to_numpy(), index=values["step"].to_numpy())
        axis.set(xlabel="step", ylabel=label)
        positive = [name for name in present if (table[name].dropna() > 0).any()]
        if label.startswith("gradient") and positive:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        if len(present) > 1:
            show_legend(axis, "above", ncols=3 if len(present) == 3 else 2)
    return tell(figure, "Four panels of curves over the steps of training", *told)


def grouped_bars(table: pd.DataFrame, ylabel: str, *, xlabel: str = "", least: float = 0.0) -> Figure:
    """Bars in the table's own unit: one group a row (index), one bar a column; the axis reaches at least ``least``.

    Source: ours.
    """
    if table.empty:
        raise ValueError("nothing to draw: the table is empty")
    count = len(table.columns)
    names = 1 + 0.1 * sum(len(str(name)) + 3 for name in table.index)  # inches, side by side
    names = 0.0 if len(table) > 20 else names  # they stand upright then
    figure, [axis] = canvas(min(max(5.0, names, 2 + 0.2 * len(table) * count), 18.0))
    for number, name in enumerate(table.columns):
        where = np.arange(len(table)) - 0.4 + (number + 0.5) * 0.8 / count
        bars_of(axis, where, table[name], 0.8 / count, number, label=str(name))
        mark_zeros(axis, where, table[name])
    from_zero(axis, table, least)
    name_ticks(axis, list(table.index), xlabel=xlabel, ylabel=ylabel)
    show_legend(axis, "above", ncols=min(count, 4))
    return tell(figure, "Grouped bars", {str(name): table[name] for name in table.columns})


def accuracy_by_language(table: pd.DataFrame, ylabel: str = "masked-token accuracy (%)") -> Figure:
    """Per language the student beside the unigram guess, or whatever columns there are, in percent.

    ``table`` has one row a language (index), one column a model, and values as fractions.

    Source: ours.
    """
    return grouped_bars(100 * table, ylabel, xlabel=LANGUAGE_AXIS, least=10.0)


def probe_bars(table: pd.DataFrame, chance: float, ylabel: str = "language probe accuracy (%)") -> Figure:
    """Accuracy of a freshly trained language probe for each run, chance as a line.

    ``table`` has ``run`` and ``accuracy`` (fraction); several rows a run (seeds) become a mean and its range.

    Source: ours; the idea of reading language from the mean embedding is UniBERT 3.3.2.
    """
    _need(table, "run", "accuracy")
    names = list(dict.fromkeys(table["run"]))
    figure, [axis] = canvas(max(4.5, 1.4 * len(names)))
    for number, name in enumerate(names):
        values = 100 * table.loc[table["run"] == name, "accuracy"].to_numpy(dtype=float)
        mean = float(values.mean())
        spread = [[mean - values.min()], [values.max() - mean]] if len(values) > 1 else None
        bars = bars_of(axis, [number], [mean], 0.6, number, yerr=spread, capsize=4)
        axis.bar_label(bars, fmt="%.1f", label_type="center", bbox=LABEL_BOX)
    label = f"chance (always the probe's commonest language) {100 * chance:.1f} %"
    axis.axhline(100 * chance, color="0.3", ls="--", lw=1.2, label=label)
    name_ticks(axis, names, ylabel=ylabel, ylim=(0, 105))
    show_legend(axis, "above")
    means = 100 * table.groupby("run", sort=False)["accuracy"].mean()
    return tell(figure, f"Bars, and a line at {label}", {"mean accuracy": means})
