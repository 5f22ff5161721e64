"""Wildcards as expressions without backtracking."""

from collections.abc import Iterable


def expression(pieces: Iterable[str]) -> str:
    """An expression for texts that begin with the first piece, end with the last, and have the others in between, in order.

    Each piece is an expression of a fixed length; the `*` of a wildcard stands between two. The first place where a piece
    is found is as good as any later one, so an atomic group keeps it, as Python's fnmatch does: the time is bounded by
    the lengths of pattern and text, and not by the power of the number of wildcards.
    """
    first, *others = pieces
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + ".*" + last
