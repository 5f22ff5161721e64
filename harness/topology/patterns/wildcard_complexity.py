"""The number of positions in a wildcard pattern that a text can be at simultaneously.

AWS refuses a pattern if that number is too high: `*:*:*:x` is at all its stars after `:::`. AWS documents no limit
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching-complexity).
"""

import re

_PART = re.compile(r"\\[*\\]|[^\\]", re.DOTALL)


def complexity(pattern: str, limit: int) -> int:
    """The largest number of positions of any text, or `limit` if that is reached."""
    parts = [None if part == "*" else part[-1] for part in _PART.findall(pattern)]  # None is a star
    alphabet = {*parts, None}  # None: a character that is not in the pattern
    seen: set[frozenset[int]] = set()
    waiting = [_behind_stars({0}, parts)]
    most = 0
    while waiting:
        places = waiting.pop()
        if places in seen:
            continue
        seen.add(places)
        most = max(most, len(places))
        if most >= limit:
            return limit
        inside = [place for place in places if place < len(parts)]
        for character in alphabet:
            following = {place for place in inside if parts[place] is None}
            following |= {place + 1 for place in inside if character and parts[place] == character}
            if following:
                waiting.append(_behind_stars(following, parts))
    return most


def _behind_stars(places: set[int], parts: list[str | None]) -> frozenset[int]:
    """A star matches the empty text: a position at it is also a position behind it."""
    return frozenset(places | {place + 1 for place in places if place < len(parts) and parts[place] is None})
