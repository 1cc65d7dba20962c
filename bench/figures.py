"""What a benchmark reports. A module of this folder takes part in `make bench` by having `figures()`.

`figures() -> Iterable[Figure]` measures and yields; it runs in a process of its own, with an empty LYCEUM_DATA.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value and, where something was promised, the promise."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def held(self) -> bool | None:
        """Whether the promise was kept; None where there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        above = self.at_least is None or self.value >= self.at_least
        below = self.at_most is None or self.value <= self.at_most
        return above and below

    @property
    def promise(self) -> str:
        """The promise in words."""
        words = [] if self.at_least is None else [f"at least {self.at_least:g}"]
        words += [] if self.at_most is None else [f"at most {self.at_most:g}"]
        return ", ".join(words)
