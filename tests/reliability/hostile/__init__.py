"""Files that want to run something or write somewhere else: each is made in a folder and given to its reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Attack = Callable[[Path, Path], str | None]  # (its folder, the canary) -> what got through, if anything did
ATTACKS: dict[str, Attack] = {}
KERNEL: set[str] = set()  # those that start a kernel, seconds each


class Bomb:
    """Unpickling it makes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = str(canary)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.canary,)


def attack(name: str, kernel: bool = False) -> Callable[[Attack], Attack]:
    def register(call: Attack) -> Attack:
        ATTACKS[name] = call
        if kernel:
            KERNEL.add(name)
        return call

    return register
