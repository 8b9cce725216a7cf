"""One matrix out of a folder that holds several: experiments beside it are told, not mixed in."""

from __future__ import annotations

from typing import Any

import pandas as pd

from unibert_lib.results.store import KEY
from unibert_lib.results.tables import GROUP, RIVAL, SEEDS

# What one matrix of a model and task has in common.
MATRIX = ["checkpoint_sha", "preset", "dataset", "train_dataset", "split", "control"]


def main_matrix(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows of each model's and task's largest matrix, the later of two scores of one cell, and remarks on the rest.

    A folder of results may hold experiments of the same model and task: on other data, by other rules, with another
    checkpoint or rate. Trivial rivals stay where their data does. A remark says how many rows were left out, and why.

    Source: ours.
    """
    kept, remarks = [], []
    rival = frame["model"].str.startswith(RIVAL)
    for (model, task), part in frame[~rival].groupby(["model", "task"], sort=False):
        sizes = part.groupby(MATRIX, sort=False).size()
        largest: Any = sizes.idxmax()  # a tuple, one value a level
        chosen = dict(zip(MATRIX, largest, strict=True))
        mine = part[(part[MATRIX] == pd.Series(chosen)).all(axis=1)]
        kept.append(mine)
        if len(mine) < len(part):
            differ = [name for name in MATRIX if part[name].nunique() > 1]
            if (part["dataset"] == part["train_dataset"]).all() and "train_dataset" in differ:
                differ.remove("train_dataset")  # the data set says it
            values = ", ".join(f"{name} {chosen[name]}" for name in differ)
            remarks.append(f"{model}, {task}: {values} is taken, {len(part) - len(mine)} other rows are left out")
    rows = pd.concat(kept) if kept else frame.iloc[:0]
    where = ["task", "dataset", "train_dataset"]
    data = pd.MultiIndex.from_frame(rows[where])
    rivals = frame[rival & pd.MultiIndex.from_frame(frame[where]).isin(data)]
    rows = pd.concat([rows, rivals]).sort_index()
    cell = [*GROUP, "language", *SEEDS]
    last = rows.drop_duplicates(cell, keep="last")
    if len(last) < len(rows):
        double = rows[rows.duplicated(cell, keep=False)]
        differ = [name for name in KEY if double.groupby(cell, dropna=False)[name].nunique().max() > 1]
        remarks.append(
            f"{len(rows) - len(last)} cells have an earlier score with another {', '.join(differ)}: left out"
        )
    return last, remarks
