"""Time as a width. Long pauses, such as the wait for a retry, are squeezed, so that the rest stays visible."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LONG_SHARE = 0.12
"""The share of the whole time from which on a pause is squeezed."""
_LONG_SECONDS = 0.25
_SQUEEZED_TO = 0.03
"""The width of a squeezed pause, as a share of the whole."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A squeezed pause. Times are in seconds, `left` and `width` in percent."""

    began: float
    ended: float
    left: float = 0.0
    width: float = 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Timescale:
    """Puts seconds on a line from 0 to 100 percent. `spans` are (began, seconds)."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self.end = max((began + seconds for began, seconds in spans), default=0.0) or 1e-6
        found = [Pause(*pause) for pause in _pauses(spans) if self._is_long(pause)]
        working = self.end - sum(pause.seconds for pause in found)
        if working < 1e-6:
            # Only moments, and nothing with a duration: no pause needs to be squeezed.
            found, working = [], self.end
        self._squeezed = _SQUEEZED_TO * 100
        self._rate = (100 - self._squeezed * len(found)) / working
        self._found = found
        self.pauses = [Pause(pause.began, pause.ended, self.left(pause.began), self._squeezed) for pause in found]

    def _is_long(self, pause: tuple[float, float]) -> bool:
        seconds = pause[1] - pause[0]
        return seconds >= _LONG_SECONDS and seconds >= _LONG_SHARE * self.end

    def left(self, at: float) -> float:
        """The position of a moment."""
        place = at * self._rate
        for pause in self._found:
            if at > pause.began:
                inside = min(at, pause.ended) - pause.began
                place += self._squeezed * inside / pause.seconds - inside * self._rate
        return min(100.0, max(0.0, place))

    def width(self, began: float, seconds: float) -> float:
        return self.left(began + seconds) - self.left(began)

    def ticks(self) -> list[tuple[float, str]]:
        """The positions and texts of the times to write: (left, "200 ms")."""
        rounds = [base * 10.0**power for power in range(-3, 4) for base in (1, 2, 5)]
        step = next((each for each in rounds if self._rate * each >= 18), rounds[-1])
        found: list[tuple[float, str]] = []
        starts, ends = [0.0, *(p.ended for p in self._found)], [*(p.began for p in self._found), self.end]
        for start, end in zip(starts, ends, strict=True):
            for number in range(math.ceil(start / step), math.floor(end / step) + 1):
                left = self.left(number * step)
                # No tick on top of another one, and none on a pause.
                free = not found or left - found[-1][0] >= 14
                if (
                    free
                    and left <= 94
                    and not any(left - 1 < p.left + p.width and p.left < left + 11 for p in self.pauses)
                ):
                    found.append((left, _told(number * step, step)))
        return found


def _told(at: float, step: float) -> str:
    """A time, as precise as the step to the next tick."""
    if at == 0:
        return "0"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{at * 1000:.0f} ms" if at < 1 else f"{at:.{digits}f} s"


def _pauses(spans: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """When nothing was in progress."""
    until = 0.0
    for began, seconds in sorted(spans):
        if began > until:
            yield until, began
        until = max(until, began + seconds)
