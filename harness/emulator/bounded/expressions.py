"""Regular expressions of clients, each search with a time limit.

The library `regex` reads what Python's `re` reads and more (`\\p{L}`, which Java and ECMAScript know), looks at the clock
while it searches, and lets other threads run meanwhile.
"""

import logging
import re
from functools import lru_cache
from typing import Any

import regex

LOG = logging.getLogger(__name__)

LIMIT_SECONDS = 0.5
MAX_LENGTH = 4096
_RECURSION = re.compile(r"(?<!\\)(?:\\\\)*\(\?(R|&|P>|[+-]?\d)")


class ExpressionError(ValueError):
    """An expression that cannot be used, or that takes longer than the limit; the message says why."""


class Expression:
    """A compiled expression. Its methods raise ExpressionError where a search takes longer than the limit."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        if len(pattern) > MAX_LENGTH:
            raise ExpressionError(f"it has {len(pattern):,} characters; {MAX_LENGTH:,} are allowed")
        if found := _RECURSION.search(pattern):
            raise ExpressionError(f"patterns that call themselves, (?{found[1]}...), are not supported")
        try:
            self._compiled = regex.compile(pattern, flags)
        except (regex.error, RecursionError, OverflowError, ValueError, LookupError) as error:
            raise ExpressionError(str(error) or "it is nested too deeply") from error
        self.pattern = pattern

    def search(self, text: str) -> Any:
        return self._run(self._compiled.search, text)

    def match(self, text: str) -> Any:
        return self._run(self._compiled.match, text)

    def fullmatch(self, text: str) -> Any:
        return self._run(self._compiled.fullmatch, text)

    def finditer(self, text: str) -> list[Any]:
        # All of them within one limit, not each within a new one.
        found: list[Any] = self._run(lambda _, **limits: list(self._compiled.finditer(text, **limits)), text)
        return found

    def sub(self, replacement: Any, text: str, count: int = 0) -> str:
        return str(self._run(lambda _, **limits: self._compiled.sub(replacement, text, count, **limits), text))

    def split(self, text: str, maxsplit: int = 0) -> list[Any]:
        parts: list[Any] = self._run(lambda _, **limits: self._compiled.split(text, maxsplit, **limits), text)
        return parts

    def _run(self, method: Any, text: str) -> Any:
        try:
            return method(text, timeout=LIMIT_SECONDS, concurrent=True)
        except TimeoutError:
            raise ExpressionError(
                f"it takes more than {LIMIT_SECONDS} s for a text of {len(text):,} characters; a repetition within a "
                "repetition, as in (a+)+, is the usual cause"
            ) from None


@lru_cache(maxsize=1024)
def compiled(pattern: str, flags: int = 0) -> Expression:
    """The expression; raises ExpressionError."""
    return Expression(pattern, flags)


class LimitedRe:
    """In the place of the module `re` where a library searches by a client's expression: one that cannot be decided does
    not match, and the engine's log says so."""

    def __getattr__(self, name: str) -> Any:
        return getattr(re, name)

    def search(self, pattern: Any, text: str, flags: int = 0) -> Any:
        return self._run("search", pattern, text, flags)

    def match(self, pattern: Any, text: str, flags: int = 0) -> Any:
        return self._run("match", pattern, text, flags)

    def fullmatch(self, pattern: Any, text: str, flags: int = 0) -> Any:
        return self._run("fullmatch", pattern, text, flags)

    def _run(self, method: str, pattern: Any, text: str, flags: int) -> Any:
        if not isinstance(pattern, str):
            return getattr(pattern, method)(text)
        try:
            return getattr(compiled(pattern, flags), method)(text)
        except ExpressionError as error:
            LOG.warning("The pattern %r matches nothing: %s.", pattern[:200], error)
            return None
