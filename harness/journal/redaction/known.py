"""Secrets whose values are known, cut wherever they appear: whole, or as the part that a shortened text still contains."""

import json
import re
from collections.abc import Mapping

_SHORTEST = 8
"""Characters; a shorter value would also be cut inside a word or a number."""
_SHORTEST_PART = 4
_ELLIPSIS = re.compile(r"\.{3}|\u2026")


class Known:
    """The secrets of one text and its surroundings. `marks` maps each mark to its secret."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        known = {secret: mark for mark, secret in marks.items() if len(secret) >= _SHORTEST and not secret.isalpha()}
        self._marks = {form: mark for secret, mark in known.items() for form in (secret, json.dumps(secret)[1:-1])}
        longest_first = sorted(self._marks, key=len, reverse=True)
        self._whole = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def cut(self, text: str) -> str:
        if self._whole is None:
            return text
        return self._parts(self._whole.sub(lambda found: self._marks[found[0]], text))

    def _parts(self, text: str) -> str:
        """Cuts both ends of a secret if the text was shortened in the middle of it."""
        done: list[str] = []
        at = 0
        for ellipsis in _ELLIPSIS.finditer(text):
            before, after = text[at : ellipsis.start()], text[ellipsis.end() : ellipsis.end() + 512]
            if (beginning := self._part(before, at_the_end=True)) is not None:
                before = before[: -beginning[0]] + beginning[1]
            done += (before, ellipsis[0])
            at = ellipsis.end()
            if (end := self._part(after, at_the_end=False)) is not None:
                done.append(end[1])
                at += end[0]
        return "".join((*done, text[at:]))

    def _part(self, text: str, *, at_the_end: bool) -> tuple[int, str] | None:
        """The longest start of a secret at the end of a text, or end of one at its start: its length and mark."""
        found = (
            (length, mark)
            for secret, mark in self._marks.items()
            for length in range(len(secret) - 1, _SHORTEST_PART - 1, -1)
            if (text.endswith(secret[:length]) if at_the_end else text.startswith(secret[-length:]))
        )
        return max(found, default=None)
