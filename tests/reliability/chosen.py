"""A pytest plugin: only the tests named in ``UNIBERT_CHOSEN`` (a JSON list), what came of each as JSON beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

PLACE = Path(os.environ.get("UNIBERT_CHOSEN", "chosen.json"))
_outcomes: dict[str, str] = {}


def _name(nodeid: str) -> str:
    return nodeid.split("[")[0].removeprefix("tests/")


def pytest_configure(config: Any) -> None:
    if "UNIBERT_BREAK" in os.environ:  # for the control: cells are written to CSV as they come
        from unibert_lib.results import sheet

        sheet._inert = lambda value: value


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    names = set(json.loads(PLACE.read_text(encoding="utf-8")))
    dropped = [item for item in items if _name(item.nodeid) not in names]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if _name(item.nodeid) in names]


def pytest_runtest_logreport(report: Any) -> None:
    name = _name(report.nodeid)
    if report.outcome != "passed":
        _outcomes[name] = report.outcome
    elif report.when == "call":
        _outcomes.setdefault(name, "passed")


def pytest_sessionfinish(session: Any) -> None:
    PLACE.with_suffix(".outcomes.json").write_text(json.dumps(_outcomes), encoding="utf-8")
