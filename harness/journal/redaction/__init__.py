"""Cuts secrets out of what is recorded and shown, and leaves marks that show which secrets were equal.

It knows what secrets look like: their names, their forms, the places where AWS puts them. It does not know records, engines
and files, and imports no other module of the harness. The engine cuts with it before anything enters its journal or log, the
harness before pytest or the terminal shows anything.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.journal.redaction import forms as _forms
from harness.journal.redaction import signs
from harness.journal.redaction import text as _texts
from harness.journal.redaction.marking import MARK, Marking
from harness.journal.redaction.names import kind_of_name
from harness.journal.redaction.structure import Structure

__all__ = ["MARK", "SHOW_VARIABLE", "Redactor", "put_back"]

SHOW_VARIABLE = "HARNESS_SHOW_SECRETS"
"""The engine's environment variable: 1 lets it remember, in memory, the secrets that its marks stand for."""


class Redactor:
    """Cuts secrets with one key. Every method is thread-safe, and none raises on any input."""

    def __init__(self, key: bytes | None = None, *, keeps: bool = False) -> None:
        self.marking = Marking(key, keeps=keeps)
        self._structure = Structure(self.marking)

    def mark(self, kind: str, secret: str) -> str:
        return self.marking(kind, secret)

    def secret(self, kind: str, value: Any) -> Any:
        """A value that is known to be secret as a whole; in a structure the names stay."""
        return self._structure.secret(kind, value)

    def data(self, value: Any) -> Any:
        """A JSON value without its secrets."""
        return self._structure.clean(value)

    def json(self, written: str) -> str:
        """An object as JSON text, without its secrets. If the text cannot be parsed, the result is `{"$text": ...}`."""
        if signs.none_in(written):
            return written
        may_name, may_form = signs.may_name_one(written), _forms.may_hold_one(written)
        if not (may_name or may_form or signs.place_in(written)):
            return written
        try:
            value = json.loads(written)
            cleaned = Structure(self.marking, may_name=may_name, may_form=may_form).clean(value)
            return written if cleaned == value else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return json.dumps({"$text": self.text(written)}, ensure_ascii=False)

    def argument(self, name: str, written: str) -> str:
        """A value as Python writes it, by the name of the argument."""
        if (kind := kind_of_name(name)) is None or written[:1] not in "'\"":
            return self.text(written)
        return repr(_texts.value(kind, written[1:-1], self.marking))

    def forms(self, text: str) -> str:
        """A text without the secrets that are known by their form alone: for names and addresses."""
        return _forms.cut(text, self.marking)

    def text(self, text: str, *, source_code: bool = False) -> str:
        """A text without a known structure, without its secrets."""
        if signs.none_in(text):
            return text
        if source_code:
            return _texts.cut(text, self.marking, source_code=True)
        return Structure(self.marking).text(text)


def put_back(text: str, kept: Mapping[str, str], *, in_json: bool = False) -> str:
    """The text with the secrets that its marks stand for, as far as `kept` has them; `in_json` writes them for JSON strings."""

    def secret(found: re.Match[str]) -> str:
        known = kept.get(found[0])
        if known is None:
            return found[0]
        return json.dumps(known, ensure_ascii=False)[1:-1] if in_json else known

    return MARK.sub(secret, text) if "<secret:" in text else text
