"""The patterns of AWS's service models: Java's regular expressions, matched against the whole value.

Values come from clients, so matching has a bound: RE2 takes linear time for what it knows, which is nine of ten patterns. Those
with look-around or set operations go to `regex`, which stops after a time.

https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

import re2
import regex

SECONDS_PER_MATCH = 1.0
"""Of `regex`, in the processor time of the whole engine."""

_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
"""Java's way to write every character beyond the Basic Multilingual Plane; Python has no surrogate pairs."""
_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": r" \t\n\x0B\f\r"}
"""Of ASCII alone, other than in Python. `\\p{L}` is of all languages in both."""
_NO_OPERATORS = ("--", "||", "~~")
"""In a set: operators in Python, characters in Java."""
_SET_IN_A_SET = re.compile(r"(?<!\\)(?:\\\\)*\[(?:[^\]\\]|\\.)*(?:\[|&&)")
"""Of Java alone; RE2 takes the signs for characters."""


class UnsupportedPatternError(Exception):
    """A pattern that has no equivalent here."""


@cache
def compiled(pattern: str) -> Callable[[str], bool]:
    """A predicate: whether the whole of a value matches. Raises UnsupportedPatternError."""
    return _linear(pattern) or _bounded(pattern)


def _linear(pattern: str) -> Callable[[str], bool] | None:
    if _SET_IN_A_SET.search(pattern):
        return None
    options = re2.Options()
    options.log_errors = False
    # The models write `.*` for anything, and services take line ends there (a filter pattern of Lambda, say).
    options.dot_nl = True
    try:
        expression = re2.compile(re.sub(r"\\u([0-9a-fA-F]{4})", r"\\x{\1}", _without_surrogates(pattern)), options)
    except re2.error:
        return None

    def matches(value: str) -> bool:
        try:
            return expression.fullmatch(value) is not None
        except UnicodeEncodeError:
            return False  # half a surrogate pair is no text

    return matches


def _bounded(pattern: str) -> Callable[[str], bool]:
    try:
        # V1 has Java's set operations ([a-z&&[^b]]); V0, Python's own, has not.
        expression = regex.compile("".join(_in_python(pattern)), regex.V1 | regex.DOTALL)
    except regex.error as error:
        raise UnsupportedPatternError(f"{pattern!r}: {error}") from error

    def matches(value: str) -> bool:
        try:
            return expression.fullmatch(value, timeout=SECONDS_PER_MATCH) is not None
        except TimeoutError:
            return True  # on a busy machine it says nothing about the value, which is left to the service

    return matches


def _without_surrogates(pattern: str) -> str:
    return pattern.replace(_SURROGATES, r"\x{10000}-\x{10FFFF}")


def _in_python(pattern: str) -> Iterator[str]:
    pattern = pattern.replace(_SURROGATES, r"\U00010000-\U0010FFFF")
    at, sets = 0, 0
    while at < len(pattern):
        two = pattern[at : at + 2]
        if two[0] == "\\" and len(two) == 2:
            characters = _CLASSES.get(two[1].lower())
            if characters is None:
                yield two
            elif two[1].isupper():
                yield f"[^{characters}]"
            else:
                yield characters if sets else f"[{characters}]"
            at += 2
        elif sets and two in _NO_OPERATORS:
            # `+--` is a range that ends with a hyphen.
            yield r"-\-" if two == "--" else rf"\{two[0]}\{two[1]}"
            at += 2
        else:
            sets += {"[": 1, "]": -1}.get(two[0], 0) if sets or two[0] == "[" else 0
            yield two[0]
            at += 1
