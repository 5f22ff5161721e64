"""How many places of a wildcard pattern a text can be at, at once.

AWS refuses a pattern where that number is too high: `*:*:*:x` is at all its stars after `:::`. It names no limit
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching-complexity).
"""

import re

_PART = re.compile(r"\\[*\\]|[^\\]", re.DOTALL)


def complexity(pattern: str, limit: int) -> int:
    """The most places that some text is at, or `limit` where there are as many or more."""
    parts = [None if part == "*" else part[-1] for part in _PART.findall(pattern)]  # None is a star
    alphabet = {*parts, None}  # None: a character that the pattern does not hold
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
    """A star may stand for nothing: who is at it is behind it as well."""
    return frozenset(places | {place + 1 for place in places if place < len(parts) and parts[place] is None})
