"""A pull parser for JSON that counts positions as AWS's does.

EventBridge and SNS refuse an invalid pattern with Event Ruler's message (https://github.com/aws/event-ruler) and the
position of Jackson's parser at that moment. That is not the position of the error: Jackson reads strings lazily, so for an
unexpected string it is behind the opening quote, and for the name of a field it has already read the beginning of the
value. To report the same position, this parser reads in the same order and stops at the same places.
"""

import json
import re
from dataclasses import dataclass
from typing import Literal, NoReturn

Kind = Literal["{", "}", "[", "]", "field", "string", "number", "true", "false", "null"]

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TOKEN = re.compile(r"[A-Za-z0-9_$]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"')
_WORDS: tuple[Literal["true", "false", "null"], ...] = ("true", "false", "null")
_SPACE = " \t\r\n"
_VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
_SHOWN_CHARACTERS = 500


class PatternSyntaxError(ValueError):
    """AWS's message. `place` is the part with the parser's position; empty if AWS gives none."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message + place)
        self.message, self.place = message, place


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    text: str
    start: int
    end: int
    """The parser's position after the token: behind the opening quote of a string."""


class JsonReader:
    """Reads a JSON text token by token. Raises PatternSyntaxError with Jackson's message."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._standing = 0
        self._open: list[str] = []
        self._expects: Literal["value", "first", "next"] = "value"
        self._ahead: _Token | None = None
        self._token: _Token | None = None

    @property
    def kind(self) -> Kind:
        assert self._token
        return self._token.kind

    def next(self) -> Kind:
        """Advance to the next token."""
        if self._ahead:
            token, self._ahead = self._ahead, None
        else:
            token = self._read()
            if token.kind == "field":
                self._ahead = self._value()  # Jackson has seen the beginning of the value
        self._token = token
        self._standing = (self._ahead or token).end
        return token.kind

    def text(self) -> str:
        """The token's text: a string without quotes, a number as written. This reads a string to its end."""
        assert self._token
        if self._token.kind == "string":
            self._standing = self._position
        return self._token.text

    def error(self, message: str, place: str = "") -> PatternSyntaxError:
        """The error for what was read, with the parser's position after the message."""
        return PatternSyntaxError(message, place + self._place(self._standing))

    def _place(self, position: int) -> str:
        shown = f'"{self._text[:_SHOWN_CHARACTERS]}"'
        if len(self._text) > _SHOWN_CHARACTERS:
            shown += f"[truncated {len(self._text) - _SHOWN_CHARACTERS} chars]"
        line = self._text.count("\n", 0, position) + 1
        column = position - (self._text.rfind("\n", 0, position) + 1) + 1
        return f"\n at [Source: (String){shown}; line: {line}, column: {column}]"

    def _read(self) -> _Token:
        inside = self._open[-1] if self._open else ""
        self._skip()
        character = self._peek(inside)
        if character and character == {"{": "}", "[": "]"}.get(inside):
            return self._close(character)
        if self._expects == "next":
            if character != ",":
                wanted = "Object" if inside == "{" else "Array"
                self._unexpected(f"was expecting comma to separate {wanted} entries")
            self._position += 1
            self._skip()
            self._peek(inside)
        return self._field() if inside == "{" else self._value()

    def _close(self, character: str) -> _Token:
        self._open.pop()
        self._position += 1
        self._expects = "next"
        kind: Kind = "}" if character == "}" else "]"
        return _Token(kind, character, self._position - 1, self._position)

    def _field(self) -> _Token:
        start = self._position
        if self._text[start] != '"':
            self._unexpected("was expecting double-quote to start field name")
        name = self._string()
        self._skip()
        if self._peek("{") != ":":
            self._unexpected("was expecting a colon to separate field name and value")
        self._position += 1
        return _Token("field", name, start, self._position)

    def _value(self) -> _Token:
        self._skip()
        start = self._position
        character = self._peek(self._open[-1] if self._open else "")
        self._expects = "next"
        if character in "{[":
            self._open.append(character)
            self._position += 1
            self._expects = "first"
            return _Token("{" if character == "{" else "[", character, start, self._position)
        if character == '"':
            return _Token("string", self._string(), start, start + 1)
        if character == "-" or character.isdigit():
            if not (found := _NUMBER.match(self._text, start)):
                self._unexpected("in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value")
            self._position = found.end()
            return _Token("number", found[0], start, self._position)
        word = (_TOKEN.match(self._text, start) or [""])[0]
        for known in _WORDS:
            if word == known:
                self._position += len(word)
                return _Token(known, word, start, self._position)
        if not word:
            self._unexpected(f"expected a valid value ({_VALUES})")
        message = f"Unrecognized token '{word}': was expecting ({_VALUES})"
        raise PatternSyntaxError(message, self._place(start + len(word)))

    def _string(self) -> str:
        start = self._position
        if not (found := _STRING.match(self._text, start)):
            message = "Unexpected end-of-input: was expecting closing quote for a string value"
            raise PatternSyntaxError(message, self._place(len(self._text)))
        self._position = found.end()
        return str(json.loads(found[0]))

    def _skip(self) -> None:
        while self._position < len(self._text) and self._text[self._position] in _SPACE:
            self._position += 1

    def _peek(self, inside: str) -> str:
        if self._position < len(self._text):
            return self._text[self._position]
        expected = {"{": ": expected close marker for Object", "[": ": expected close marker for Array"}.get(inside, "")
        raise PatternSyntaxError(f"Unexpected end-of-input{expected}", self._place(len(self._text)))

    def _unexpected(self, expected: str) -> NoReturn:
        character = self._text[self._position]
        message = f"Unexpected character ('{character}' (code {ord(character)})): {expected}"
        raise PatternSyntaxError(message, self._place(self._position))
