"""Samples of one figure, and how they are shown."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Figure:
    """Samples of one quantity, in `unit`, with what the project aims at."""

    name: str
    samples: Sequence[float]
    unit: str
    aim: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """The nearest-rank 95th percentile."""
        ordered = sorted(self.samples)
        return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]

    def row(self) -> str:
        values = f"{self.median:10.1f} {self.p95:10.1f} {min(self.samples):10.1f} {max(self.samples):10.1f}"
        return f"{self.name:<44} {values} {self.unit:<4} n={len(self.samples):<4} {self.aim}"


def show(figures: Sequence[Figure]) -> None:
    print(f"{'':<44} {'median':>10} {'p95':>10} {'min':>10} {'max':>10}")
    for figure in figures:
        print(figure.row())


def timed_ms(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1000
