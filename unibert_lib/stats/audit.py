"""Every figure that the paper's text states, recomputed from its own tables. Why one differs, no table tells."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from unibert_lib.results import AVG_REPORTED, load_paper, load_table1
from unibert_lib.stats import pipelines, search
from unibert_lib.stats.candidates import Candidate, Claim, Sources, candidates
from unibert_lib.stats.cells import BASELINES, STUDENTS, TABLE, read
from unibert_lib.stats.claims import CLAIMS, agrees, check_claim, is_cut, load_claims
from unibert_lib.stats.pipelines import HEADLINE

REPRODUCED, DIFFERS, NOT_FOUND = "reproduced to all printed digits", "differs", "no pipeline found"
COLUMNS = [
    *("id", "place", "quantity", "model", "task", "setting", "relation", "printed", "unit"),
    *("recomputed", "rounded", "verdict", "pipeline", "tried", "matched", "jointly", "note"),
]


class Count(NamedTuple):
    """Combinations searched, those that give the figure, and those that give all of its place's figures."""

    tried: int
    matched: int
    jointly: int | None


def audit(tables: pd.DataFrame | None = None, claims: pd.DataFrame | str | Path | None = None) -> pd.DataFrame:
    """Each claim beside what the tables give for it, and by which pipeline.

    A claim is reproduced if the value is at most half a unit of the printed figure's last digit away (a value just
    between two printed numbers may be either). Printed cells are taken as exact decimals. ``<``, ``>`` and ``~`` are
    read as ``claims.agrees`` says. Of several pipelines the first that reproduces the figure is named; if none does,
    the first, which is the most natural.

    Parameters
    ----------
    tables
        Shaped like ``results.load_paper(averages=True)``, which is the default. Table 1 is read from ``data/paper``.
    claims
        Shaped like ``load_claims()``, which is the default, or the path of such a file.

    Returns
    -------
    DataFrame
        ``id``, ``place``, ``quantity``, ``model``, ``task``, ``setting``, ``relation``, ``printed`` and ``unit`` of the
        claim; ``recomputed`` (nan where nothing recomputes it) and ``rounded`` (to the printed digits); ``verdict``
        (reproduced to all printed digits, differs, no pipeline found); ``pipeline`` (name: what it does); ``tried``
        (pipelines or, for the headline, combinations of choices searched), ``matched`` (how many of them give this
        figure) and ``jointly`` (how many give all headline figures of this place together; none for other claims);
        ``note``. *Differs*: there is one plain way to recompute the figure, and it gives another value. *No pipeline
        found*: nothing here knows the quantity, or many readings were searched and no named pipeline gives the figure
        (where others match, they do so by ``matched`` chances in ``tried``); ``recomputed`` is by the most natural one.

    Raises
    ------
    ValueError
        If a claim is not valid (its line or row is named), or the tables lack what a claim is of.

    Source: ours; the figures are the paper's.
    """
    frame = load_claims(CLAIMS if claims is None else claims) if not isinstance(claims, pd.DataFrame) else claims
    checked = [
        check_claim({str(name): value for name, value in row.items()}, f"claims, row {number}")
        for number, row in enumerate(frame.to_dict("records"))
    ]
    tables = load_paper(averages=True) if tables is None else tables
    sources = Sources(read(tables), load_table1())
    counts = _headline_counts(checked, tables) | _model_counts(checked, tables)
    rows = [_verdict(claim, sources, checked, counts) for claim in checked]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"jointly": "Int64"})


def _verdict(claim: Claim, sources: Sources, claims: list[Claim], counts: dict[str, Count]) -> dict[str, object]:
    found = candidates(claim, sources)
    fits = [one for one in found if agrees(one.value, claim["printed"], claim["relation"])]
    row: dict[str, object] = {name: claim[name] for name in COLUMNS if name in claim}
    tried, matched, jointly = counts.get(claim["id"], Count(len(found), len(fits), None))
    row |= {"tried": tried, "matched": matched, "jointly": jointly}
    if not found:
        return row | {"recomputed": float("nan"), "rounded": "", "verdict": NOT_FOUND, "pipeline": "", "note": ""}
    chosen = (fits or found)[0]
    rounded = Decimal(chosen.value).quantize(Decimal(claim["printed"]), ROUND_HALF_UP)
    return row | {
        "recomputed": float(chosen.value),
        "rounded": str(rounded),
        "verdict": REPRODUCED if fits else NOT_FOUND if claim["id"] in counts else DIFFERS,
        "pipeline": f"{chosen.name}: {chosen.sentence}",
        "note": "; ".join(_notes(claim, found, fits, sources) + _notes_of_search(claim, fits, counts, sources, claims)),
    }


def _notes(claim: Claim, found: list[Candidate], fits: list[Candidate], sources: Sources) -> list[str]:
    if fits:
        return [f"{found[0].name} gives {found[0].value:.6g}"] if fits[0] is not found[0] else []
    notes = []
    if claim["relation"] == "=" and is_cut(found[0].value, claim["printed"]):
        notes.append("the printed digits are those of the value cut off, not rounded")
    row = sources.cells.get((claim["task"], claim["model"], claim["setting"]), {})
    if claim["quantity"] == "average" and row.get(AVG_REPORTED) == Decimal(claim["printed"]):
        notes.append(f"equals the average that Table {TABLE[claim['task']]} prints")
    return notes


def _notes_of_search(
    claim: Claim, fits: list[Candidate], counts: dict[str, Count], sources: Sources, claims: list[Claim]
) -> list[str]:
    count, notes = counts.get(claim["id"]), []
    if count and count.matched and count.jointly == 0:
        notes.append(f"{count.matched} combinations give it, none with all the other figures of this place")
    if claim["quantity"] != "mean relative gain":
        return notes
    gains = [one for one in claims if one["quantity"] == "relative gain" and not one["task"]]
    printed = [Decimal(one["printed"]) for one in gains if one["model"] in BASELINES]
    if printed and claim["model"] == "baselines" and not fits:
        mean = sum(printed, Decimal(0)) / len(printed)
        cut = ", which cut off is this figure" if is_cut(mean, claim["printed"]) else ""
        notes.append(f"the mean of the {len(printed)} printed gains is {mean}{cut}")
    entries = pipelines.entries(
        sources.cells, HEADLINE, STUDENTS if claim["model"] == "UniBERT" else HEADLINE.baselines
    )
    return [*notes, f"the mean of the t-test's {len(entries)} entries is {sum(entries) / len(entries):.2f}"]


FIGURE = {
    ("mean relative gain", "UniBERT"): "unibert",
    ("mean relative gain", "baselines"): "baselines",
    ("entries", "UniBERT"): "n_unibert",
    ("entries", "baselines"): "n_baselines",
    ("t", "UniBERT"): "t",
    ("p", "UniBERT"): "p",
}


def _headline_counts(claims: list[Claim], tables: pd.DataFrame) -> dict[str, Count]:
    """The search over designs, kinds of mean and tests, for the claims that it knows."""
    of_place: dict[str, dict[str, Claim]] = {}
    for claim in claims:
        figure = FIGURE.get((claim["quantity"], claim["model"]))
        if figure and claim["relation"] == "=":
            of_place.setdefault(claim["place"], {})[figure] = claim
    if not of_place:
        return {}
    means, tests = search.mean_gains(tables), search.significance_tests(tables)
    counts = {}
    for held in of_place.values():
        together = len(search.joint(means, tests, {figure: one["printed"] for figure, one in held.items()}))
        for figure, claim in held.items():
            alone = search.joint(means, tests, {figure: claim["printed"]})
            counts[claim["id"]] = Count(alone.attrs["tried"], len(alone), together)
    return counts


def _model_counts(claims: list[Claim], tables: pd.DataFrame) -> dict[str, Count]:
    """The same for each model's own mean over tasks and gain: designs that give it, of all."""
    columns = {"mean over tasks": "", "relative gain": "gain"}
    asked = [claim for claim in claims if claim["quantity"] in columns and not claim["task"]]
    if not asked:
        return {}
    figures = search.model_figures(tables)
    counts = {}
    for claim in asked:
        column = columns[claim["quantity"]] or claim["setting"]
        values = figures.loc[figures["model"] == claim["model"], column]
        matched = sum(agrees(value, claim["printed"]) for value in values)
        counts[claim["id"]] = Count(len(values), matched, None)
    return counts
