"""Sliders for the notebooks. Without a browser a widget still shows its table as plain HTML."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pandas as pd

from unibert_lib import student


class SizeExplorer(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """What a student weighs while its intermediate size and its vocabulary change.

    ``table()`` answers for the sliders' present values, so that tests and headless runs need no browser.

    Source: ours; the shapes are UniBERT Table 1.
    """

    def __init__(self, size: str = "small") -> None:
        options = list(student.SIZES)
        if size not in options:
            size = options[0]  # "all" is a size of the notebooks, not one shape
        wide: dict[str, Any] = {"style": {"description_width": "9em"}, "layout": {"width": "32em"}}
        self.size = ipywidgets.Dropdown(options=options, value=size, description="student", **wide)
        self.intermediate = ipywidgets.IntSlider(
            student.INTERMEDIATE_SIZE, 256, 4096, 64, description="intermediate size", **wide
        )
        self.vocabulary = ipywidgets.IntSlider(
            student.MBERT_VOCAB, 1547, 250_547, 1000, description="vocabulary", **wide
        )
        self.answer = ipywidgets.HTML()
        super().__init__([self.size, self.intermediate, self.vocabulary, self.answer])
        for control in (self.size, self.intermediate, self.vocabulary):
            control.observe(self._refresh, "value")
        self._refresh()

    def table(self) -> pd.DataFrame:
        """The footprint at the sliders' values, one row a quantity."""
        cost = student.predict(self.size.value, self.vocabulary.value, self.intermediate.value)
        rows = {
            "parameters (millions)": f"{cost.parameters / 1e6:.2f}",
            "of these embeddings (%)": f"{100 * cost.embedding_parameters / cost.parameters:.0f}",
            "weights in fp32 (MB)": f"{cost.megabytes:.1f}",
            "weights in fp32 (MiB)": f"{cost.mebibytes:.1f}",
            "body, forward + backward (MFLOP a token)": f"{cost.body_flops / 1e6:.0f}",
            "head, forward + backward (MFLOP a token)": f"{cost.head_flops / 1e6:.0f}",
        }
        return pd.DataFrame({"value": rows})

    def _refresh(self, change: Any = None) -> None:
        self.answer.value = self.table().to_html(border=0)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The live widget where there is a browser, and the table for everyone else."""
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"] = f"{self.size.value}\n{self.table().to_string()}"
        data["text/html"] = self.answer.value
        return bundle
