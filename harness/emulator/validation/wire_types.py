"""Holds what a JSON or CBOR body says to the types of the service's model, as AWS's parsers do.

LocalStack 4.14.0's take a number for a string, walk over the letters of a string as if it were a list, and drop what is no
base64; services then fail on it.
"""

import base64
import binascii
import datetime
import json
import math
from typing import Any, NoReturn

from botocore.model import Shape
from localstack.aws.connect import INTERNAL_REQUEST_PARAMS_HEADER
from localstack.aws.protocol.parser import (
    BaseCBORRequestParser,
    BaseJSONRequestParser,
    ProtocolParserError,
    RequestParser,
)

from harness.emulator.patches import patched, replaced

AGGREGATES = frozenset({"list", "map", "structure"})
NUMBERS = frozenset({"integer", "long", "float", "double"})
_EXPECTED: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "character": frozenset({str}),
    "boolean": frozenset({bool}),
    "integer": frozenset({int, float}),
    "long": frozenset({int, float}),
    "float": frozenset({int, float}),
    "double": frozenset({int, float}),
    "timestamp": frozenset({int, float, str, datetime.datetime}),
    "blob": frozenset({str, bytes}),
    "list": frozenset({list}),
    "map": frozenset({dict}),
    "structure": frozenset({dict}),
}
_TOKENS = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", bytes: "BINARY_VALUE"}
_SPECIAL_FLOATS = frozenset({"NaN", "Infinity", "-Infinity"})
_LONGEST = 2**63


class MalformedBodyError(ProtocolParserError):
    """A body that is not what the model says; the message is for the client."""


def mismatch(shape: Shape, value: Any, lenient: bool = False) -> str | None:
    """Why a value that was read from a body is none of the shape's type, in AWS's words; None where it is one.

    `lenient` takes any scalar for another, as CloudFormation does: `ShardCount: "1"` in a template is a number.
    """
    name = shape.type_name
    expected = _EXPECTED.get(name)
    given = type(value)
    if expected is None:
        return None
    if given in expected:
        if given in (int, float) and name in NUMBERS:
            return _number(name, value)
        return None
    if shape.metadata.get("document") or getattr(shape, "is_document_type", False):
        return None
    if given is dict:
        return "Start of structure or map found where not expected."
    if name in AGGREGATES:
        return "Unexpected field type" if given is not list else "Start of list found where not expected."
    java = f"{name[:1].upper()}{name[1:]}"
    if given is list:
        return f"Unrecognized collection type class java.lang.{java}"
    if lenient or (name in ("float", "double") and value in _SPECIAL_FLOATS):
        return None
    token = f"{value}_VALUE".upper() if given is bool else _TOKENS.get(given, given.__name__)
    return f"{token} can not be converted to {'an' if name == 'integer' else 'a'} {java}"


def _number(name: str, value: float) -> str | None:
    if name in ("float", "double"):
        return None
    if not math.isfinite(value) or not -_LONGEST <= value < _LONGEST:
        return f"NUMBER_VALUE can not be converted to {'an Integer' if name == 'integer' else 'a Long'}"
    return None


def decoded(body: bytes) -> Any:
    """The value of a JSON document. Raises MalformedBodyError."""
    try:
        text = body.decode()
        value = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except UnicodeError:
        raise MalformedBodyError("Invalid UTF-8 in the request body") from None
    except RecursionError:
        raise MalformedBodyError("The request body is nested too deeply") from None
    except ValueError as error:
        raise MalformedBodyError(f"Could not parse request body into json: {error}") from None
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"Unexpected token {name}")


def install() -> None:
    @patched(
        BaseJSONRequestParser._parse_body_as_json,
        because="a value of another type than the model's reaches the service",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#shape-serialization",
    )
    def parse_body(original: Any, self: Any, request: Any) -> Any:
        if request.mimetype.startswith("application/x-amz-cbor"):
            return original(self, request)
        body = request.data
        value = decoded(body) if body else None
        return {} if value is None else value

    @patched(
        BaseJSONRequestParser._parse_blob,
        because="a value of another type than the model's reaches the service",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#shape-serialization",
    )
    def parse_blob(original: Any, self: Any, request: Any, shape: Shape, node: Any, uri_params: Any = None) -> Any:
        if isinstance(node, str):
            return base64_decoded(node)
        return original(self, request, shape, node, uri_params)

    def parse_shape(self: Any, request: Any, shape: Shape | None, node: Any, uri_params: Any = None) -> Any:
        if node is not None and shape is not None and "location" not in shape.serialization:
            if node == b"" and shape.type_name == "structure":
                node = {}  # an empty body
            why = mismatch(shape, node, lenient=INTERNAL_REQUEST_PARAMS_HEADER in request.headers)
            if why is not None:
                raise MalformedBodyError(why)
        return RequestParser._parse_shape(self, request, shape, node, uri_params)

    replaced(
        BaseJSONRequestParser,
        "_parse_shape",
        parse_shape,
        because="a value of another type than the model's reaches the service",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#shape-serialization",
    )
    replaced(
        BaseCBORRequestParser,
        "_parse_shape",
        parse_shape,
        because="a value of another type than the model's reaches the service",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#shape-serialization",
    )


def base64_decoded(text: str) -> bytes:
    """Raises MalformedBodyError. Line ends within are skipped, as AWS does."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedBodyError(f"Invalid Base64: {error}") from None
