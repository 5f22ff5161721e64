"""Wildcards and policy variables in the texts of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import functools
import re
from collections.abc import Mapping

from harness.emulator.bounded.wildcards import expression

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "$"}
"""`${*}` is an asterisk itself. Until the pattern is compiled, characters that no name contains stand for these."""


@functools.lru_cache(maxsize=16384)
def compiled(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: `*` is any text, slashes and colons too, and `?` any one character."""
    pieces = (".".join(re.escape(literal(text)) for text in piece.split("?")) for piece in pattern.split("*"))
    return re.compile(expression(pieces), re.DOTALL)


def literal(text: str) -> str:
    """What `substitute` gives, for a comparison without wildcards."""
    return text.replace("\ue000", "*").replace("\ue001", "?")


def substitute(text: str, facts: Mapping[str, tuple[str, ...]]) -> str | None:
    """`text` with its variables (`${aws:username}`, with a default `${aws:username, 'nobody'}`) filled in.

    None where a variable has no value, or more than one: such a text matches nothing.
    """
    if "${" not in text:
        return text
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = found[1].partition(",")
        if found[1] in _LITERAL:
            return _LITERAL[found[1]]
        values = facts.get(name.strip().lower(), ())
        if len(values) == 1:
            # What came with the request is text, never a pattern.
            return values[0].replace("*", _LITERAL["*"]).replace("?", _LITERAL["?"])
        default = default.strip()
        if len(default) > 1 and default[0] == default[-1] == "'":
            return default[1:-1]
        missing = True
        return ""

    filled = _VARIABLE.sub(value, text)
    return None if missing else filled
