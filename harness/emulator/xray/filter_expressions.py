"""The grammar of filter expressions: a text becomes a tree, or an error that says where it is wrong.

    expression = term, {"OR", term}
    term       = factor, {["AND"], factor}
    factor     = "!", factor | "(", expression, ")" | service | edge | condition
    service    = "service", "(", [node], ")", [block]
    edge       = "edge", "(", node, ",", node, ")", [block]
    block      = "{", expression, "}"
    node       = string | "id", "(", [attribute, {",", attribute}], ")"
    attribute  = ("name" | "type" | "account.id"), ":", string
    condition  = keyword, [operator, value]
    value      = string | number | "true" | "false"

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

import re
from dataclasses import dataclass
from typing import Literal

MAX_CHARACTERS = 10_000
MAX_NESTING = 50

BOOLEANS = frozenset({"ok", "error", "throttle", "fault", "partial", "inferred", "root"})
NUMBERS = frozenset({"responsetime", "duration", "http.status"})
STRINGS = frozenset(
    {"http.url", "http.method", "http.useragent", "http.clientip", "user", "name", "type"}
    | {"availabilityzone", "instance.id", "resource.arn"}
)
_OF_ROOT_CAUSES = frozenset({"first", "last", "remote", "index", "coverage", "message", "json"})
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_SEARCHES = ("contains", "beginswith", "endswith")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w.]))
      | (?P<annotation>(?i:annotation)(?:\.[A-Za-z0-9_]+|\[[^\[\]]+\]))
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<sign>!=|<=|>=|[=<>!(){},:])
    )""",
    re.VERBOSE | re.ASCII,
)


class FilterExpressionError(ValueError):
    """A filter expression that is not valid or not supported here; says what, and at which character."""


Value = str | float | bool


@dataclass(frozen=True, slots=True)
class FilterCondition:
    """`keyword operator value`; without an operator: whether the keyword is true, or set."""

    keyword: str
    operator: str | None = None
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    key: str
    operator: str | None = None
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class ServicePattern:
    """Which services are meant: None means any."""

    name: str | None = None
    type: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    node: ServicePattern
    filter: "Expression | None"


@dataclass(frozen=True, slots=True)
class EdgeFilter:
    source: ServicePattern
    destination: ServicePattern
    filter: "Expression | None"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class AllOf:
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    operands: tuple["Expression", ...]


Expression = FilterCondition | Annotation | ServiceFilter | EdgeFilter | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["string", "number", "annotation", "word", "sign", "end"]
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""

    def __str__(self) -> str:
        return f"{self.text!r} at character {self.at + 1}" if self.text else "its end"


def parse(text: str) -> Expression:
    """Raises FilterExpressionError."""
    if len(text) > MAX_CHARACTERS:
        raise FilterExpressionError(f"The filter expression has more than {MAX_CHARACTERS:,} characters.")
    parser = _Parser(_tokens(text))
    expression = parser.expression()
    if parser.token.kind != "end":
        raise parser.unexpected("AND, OR or the end of the expression")
    return expression


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None:
            start = at + len(stripped[at:]) - len(stripped[at:].lstrip())
            raise FilterExpressionError(
                f"The filter expression has an unexpected {stripped[start]!r} at character {start + 1}."
            )
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind], found.start(kind)))  # type: ignore[arg-type]
        at = found.end()
    return [*tokens, _Token("end", "", len(text))]


class _Parser:
    """Recursive descent, a method for each rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._is_in_block = False

    @property
    def token(self) -> _Token:
        return self._tokens[self._at]

    def unexpected(self, expected: str) -> FilterExpressionError:
        return FilterExpressionError(f"The filter expression has {self.token} where {expected} is expected.")

    def _next(self) -> _Token:
        token = self.token
        self._at += 1
        return token

    def _takes(self, sign: str) -> bool:
        if self.token.kind == "sign" and self.token.text == sign:
            self._at += 1
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._takes(sign):
            raise self.unexpected(f"{sign!r}")

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise FilterExpressionError(f"The filter expression is nested more than {MAX_NESTING} levels deep.")
        operands = [self._term()]
        while self.token.word == "or":
            self._next()
            operands.append(self._term())
        self._depth -= 1
        return operands[0] if len(operands) == 1 else AnyOf(tuple(operands))

    def _term(self) -> Expression:
        operands = [self._factor()]
        while True:
            if self.token.word == "and":
                self._next()
            elif not self._begins_factor():
                break
            operands.append(self._factor())
        return operands[0] if len(operands) == 1 else AllOf(tuple(operands))

    def _begins_factor(self) -> bool:
        token = self.token
        if token.kind == "sign":
            return token.text in ("!", "(")
        return token.kind == "annotation" or (token.kind == "word" and token.word != "or")

    def _factor(self) -> Expression:
        negations = 0
        while self._takes("!"):
            negations += 1
        operand = self._operand()
        return Not(operand) if negations % 2 else operand

    def _operand(self) -> Expression:
        if self._takes("("):
            inside = self.expression()
            self._need(")")
            return inside
        if self.token.kind == "annotation":
            return self._annotation()
        if self.token.kind != "word":
            raise self.unexpected("a keyword")
        match self.token.word:
            case "service":
                return self._service()
            case "edge":
                return self._edge()
        return self._condition()

    # ---- service() and edge() ------------------------------------------------------------------------------------

    def _service(self) -> ServiceFilter:
        self._refuse_in_block()
        self._need("(")
        node = ServicePattern() if self.token.text == ")" else self._node()
        self._need(")")
        return ServiceFilter(node, self._block())

    def _edge(self) -> EdgeFilter:
        self._refuse_in_block()
        self._need("(")
        source = self._node()
        self._need(",")
        destination = self._node()
        self._need(")")
        return EdgeFilter(source, destination, self._block())

    def _refuse_in_block(self) -> None:
        token = self._next()
        if self._is_in_block:
            raise FilterExpressionError(f"The filter expression has {token} inside the braces of service() or edge().")

    def _node(self) -> ServicePattern:
        if self.token.kind == "string":
            return ServicePattern(name=self._string())
        if self.token.word != "id":
            raise self.unexpected('a name in quotation marks or id(name: "...", type: "...")')
        self._next()
        self._need("(")
        found: dict[str, str] = {}
        while not self._takes(")"):
            if found:
                self._need(",")
            key = {"account.id": "account_id"}.get(self.token.word, self.token.word)
            if key not in ("name", "type", "account_id") or key in found:
                raise self.unexpected("name, type or account.id")
            self._next()
            self._need(":")
            found[key] = self._string()
        return ServicePattern(**found)

    def _block(self) -> Expression | None:
        if not self._takes("{"):
            return None
        self._is_in_block = True
        inside = self.expression()
        self._need("}")
        self._is_in_block = False
        return inside

    # ---- conditions ----------------------------------------------------------------------------------------------

    def _annotation(self) -> Annotation:
        token = self._next()
        if self._is_in_block:
            # "You can't use this keyword in combination with the service or edge keyword."
            raise FilterExpressionError(f"The filter expression has {token} inside the braces of service() or edge().")
        key = token.text[len("annotation") :]
        key = key[1:-1].strip().strip("\"'") if key.startswith("[") else key[1:]
        operator = self._operator((*_COMPARISONS, *_SEARCHES))
        if operator is None:
            return Annotation(key)
        value = self._value()
        allowed = _operators_for(value)
        if operator not in allowed:
            raise FilterExpressionError(
                f"The filter expression compares {token} by {operator.upper()}; its value allows {_listed(allowed)}."
            )
        return Annotation(key, operator, value)

    def _condition(self) -> FilterCondition:
        token = self._next()
        keyword = token.word
        if keyword.startswith(("rootcause.", "group.")) or keyword in _OF_ROOT_CAUSES:
            raise FilterExpressionError(
                f"The filter expression has {token}: the emulator does not support root causes and groups."
            )
        if keyword in BOOLEANS:
            operator = self._operator(("=", "!="))
            return FilterCondition(keyword) if operator is None else FilterCondition(keyword, operator, self._boolean())
        if keyword in NUMBERS:
            operator = self._operator(_COMPARISONS)
            return FilterCondition(keyword) if operator is None else FilterCondition(keyword, operator, self._number())
        if keyword in STRINGS:
            operator = self._operator(("=", "!=", *_SEARCHES))
            return FilterCondition(keyword) if operator is None else FilterCondition(keyword, operator, self._string())
        raise FilterExpressionError(f"The filter expression has an unknown keyword: {token}.")

    def _operator(self, allowed: tuple[str, ...]) -> str | None:
        text = self.token.text.lower() if self.token.kind in ("sign", "word") else ""
        if text in allowed:
            self._next()
            return text
        if text in (*_COMPARISONS, *_SEARCHES):
            raise self.unexpected(_listed(allowed))
        return None

    def _value(self) -> Value:
        match self.token.kind:
            case "string":
                return self._string()
            case "number":
                return self._number()
        return self._boolean()

    def _string(self) -> str:
        if self.token.kind != "string":
            raise self.unexpected("a value in quotation marks")
        return re.sub(r"\\(.)", r"\1", self._next().text[1:-1], flags=re.DOTALL)

    def _number(self) -> float:
        if self.token.kind != "number":
            raise self.unexpected("a number")
        return float(self._next().text)

    def _boolean(self) -> bool:
        if self.token.word not in ("true", "false"):
            raise self.unexpected("true or false")
        return self._next().word == "true"


def _operators_for(value: Value) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("=", "!=")
    return _COMPARISONS if isinstance(value, float) else ("=", "!=", *_SEARCHES)


def _listed(operators: tuple[str, ...]) -> str:
    *first, last = (each.upper() for each in operators)
    return f"{', '.join(first)} or {last}"
