"""Requests to AWS's APIs, generated from botocore's models: valid, broken in one constraint, malformed on the wire."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from hypothesis import strategies as st

DEPTH = 4
"""How deep structures that hold themselves go."""
LARGEST_NUMBER = 10
"""The service creates as many as a client requests: two billion instances are too many."""
LONGEST = 40
"""Characters of a generated string, unless its model requires more."""

ACCOUNT = "000000000000"
TEXTS = (
    "a",
    "name-1",
    "Name_2",
    "a.b",
    "/a/b",
    "alias/a",
    "x" * 36,
    "1",
    "0",
    "true",
    "{}",
    "[]",
    '{"a": ["b"]}',
    "null",
    "http://127.0.0.1/",
    "https://example.com/a",
    "arn:aws:iam::000000000000:role/a",
    "us-east-1",
    "a@example.com",
    f"arn:aws:sqs:us-east-1:{ACCOUNT}:a",
    f"arn:aws:sns:us-east-1:{ACCOUNT}:a",
    f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:a",
    f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/a",
    f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:a",
    f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/a",
    f"arn:aws:kms:us-east-1:{ACCOUNT}:key/a",
    "arn:aws:s3:::a",
    "arn:a:b:c:d:e:f",
    f"http://127.0.0.1/queue/us-east-1/{ACCOUNT}/a",
    "rate(1 day)",
    "cron(0 0 * * ? *)",
    "at(2030-01-01T00:00:00)",
    "2020-01-01T00:00:00Z",
    '{"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}',
    '{"Version": "2012-10-17", "Statement": []}',
    "python3.13",
    "index.handler",
    "us-east-1_abcdefghi",
    "00000000-0000-0000-0000-000000000000",
    "vpc-00000000",
    "10.0.0.0/16",
    "ünï☃",
    "a b",
    " ",
    "",
)

SKIPPED: Mapping[tuple[str, str], str] = {
    ("kinesis", "SubscribeToShard"): "its answer is a stream of events",
    ("lambda", "InvokeWithResponseStream"): "its answer is a stream of events",
    ("logs", "StartLiveTail"): "its answer is a stream of events",
    ("s3", "SelectObjectContent"): "its answer is a stream of events",
    ("stepfunctions", "GetActivityTask"): "waits a minute for a task",
}
BOUNDED = {"WaitTimeSeconds": 0, "TotalSegments": 1}
"""Parameters that make a call wait or work for long."""


@cache
def model_of(service: str) -> ServiceModel:
    session = botocore.session.get_session()
    return ServiceModel(session.get_service_data(service), service)


def operations_of(service: str) -> list[str]:
    return [name for name in model_of(service).operation_names if (service, name) not in SKIPPED]


def requests(operation: OperationModel) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters that the model allows, in boto3's form."""
    shape = operation.input_shape
    return st.just({}) if shape is None else _values(shape, 0)


@cache
def _values(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    name, metadata = shape.type_name, shape.metadata
    if isinstance(shape, StructureShape):
        return _structures(shape, depth)
    if isinstance(shape, ListShape):
        least = metadata.get("min") or 0
        most = least if depth >= DEPTH else max(least, min(metadata.get("max") or 2, 2))
        return st.lists(_values(shape.member, depth + 1), min_size=least, max_size=most)
    if isinstance(shape, MapShape):
        least = metadata.get("min") or 0
        most = least if depth >= DEPTH else max(least, min(metadata.get("max") or 2, 2))
        return st.dictionaries(
            _values(shape.key, depth + 1), _values(shape.value, depth + 1), min_size=least, max_size=most
        )
    if name == "boolean":
        return st.booleans()
    if name in ("integer", "long"):
        least = metadata.get("min") or 0
        return st.integers(least, max(least, min(metadata.get("max") or LARGEST_NUMBER, least + LARGEST_NUMBER)))
    if name in ("float", "double"):
        return st.floats(metadata.get("min") or 0, metadata.get("max") or 100, allow_nan=False, width=32)
    if name == "timestamp":
        return st.integers(10**9, 2 * 10**9).map(lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.UTC))
    if name == "blob":
        return st.binary(min_size=metadata.get("min") or 0, max_size=max(metadata.get("min") or 0, 20))
    return _strings(shape)


def _structures(shape: StructureShape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    if getattr(shape, "is_document_type", False):
        return st.just({"a": 1})
    required = {n: _of_member(n, shape.members[n], depth) for n in shape.required_members if n in shape.members}
    others = [n for n in shape.members if n not in required]
    if shape.is_tagged_union:
        return st.sampled_from(list(shape.members)).flatmap(
            lambda n: st.fixed_dictionaries({n: _of_member(n, shape.members[n], depth)})
        )
    if depth >= DEPTH or not others:
        return st.fixed_dictionaries(required)
    return st.lists(st.sampled_from(others), unique=True, max_size=4).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {**required, **{n: _of_member(n, shape.members[n], depth) for n in chosen}}
        )
    )


def _of_member(name: str, shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    return st.just(BOUNDED[name]) if name in BOUNDED else _values(shape, depth + 1)


def _strings(shape: Shape) -> st.SearchStrategy[str]:
    metadata = shape.metadata
    if values := metadata.get("enum"):
        return st.sampled_from(values)
    least, most = metadata.get("min") or 0, metadata.get("max")
    most = LONGEST if most is None else most
    pattern = metadata.get("pattern")
    plain = [text for text in TEXTS if least <= len(text) <= max(most, least) and _matches(pattern, text)]
    if pattern is None:
        any_text = st.text(
            st.characters(exclude_categories=("Cs", "Cc")), min_size=least, max_size=max(least, min(most, LONGEST))
        )
        return st.one_of(st.sampled_from(plain), any_text) if plain else any_text
    try:
        by_pattern = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True).filter(
            lambda text: least <= len(text) <= most
        )
    except re.error:
        by_pattern = None
    if by_pattern is None:
        return st.sampled_from(plain or ["a" * max(least, 1)])
    return st.one_of(st.sampled_from(plain), by_pattern) if plain else by_pattern


def _matches(pattern: str | None, text: str) -> bool:
    try:
        return pattern is None or re.fullmatch(pattern, text, re.ASCII) is not None
    except re.error:
        return False


# ---- one constraint broken ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A request that breaks one constraint, and which."""

    parameters: dict[str, Any]
    what: str


def breakable(shape: Shape, value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, str]]:
    """`(path, value to put there, violated constraint)`; the value REMOVED deletes the member."""
    metadata = shape.metadata
    if getattr(shape, "is_document_type", False):
        return
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name in shape.required_members:
            if name in value and "location" not in shape.members[name].serialization:
                yield (*path, name), REMOVED, f"{name} is required"
        for name, item in value.items():
            yield from breakable(shape.members[name], item, (*path, name))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from breakable(shape.member, item, (*path, index))
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, item in value.items():
            yield from breakable(shape.value, item, (*path, key))
    elif isinstance(value, str) and path and "location" not in shape.serialization:
        if metadata.get("enum"):
            yield path, "NO_SUCH_VALUE", "enum"
        if metadata.get("pattern") and not _matches(metadata["pattern"], "\x02<\x03>"):
            yield path, "\x02<\x03>", "pattern"
        if (most := metadata.get("max")) is not None and most <= 5000 and not metadata.get("enum"):
            yield path, "x" * (most + 1), "max length"
        if metadata.get("min"):
            yield path, "", "min length"
    elif isinstance(value, int) and not isinstance(value, bool) and "location" not in shape.serialization:
        if (most := metadata.get("max")) is not None and most < 2**31 - 1:
            yield path, most + 1, "max"
        if (least := metadata.get("min")) is not None and least > 0:
            yield path, least - 1, "min"


REMOVED = object()


def broken(operation: OperationModel) -> st.SearchStrategy[Broken | None]:
    """None for a request that has nothing to break."""

    def break_one(parameters: dict[str, Any]) -> st.SearchStrategy[Broken | None]:
        ways = [] if operation.input_shape is None else list(breakable(operation.input_shape, parameters))
        if not ways:
            return st.none()
        return st.sampled_from(range(len(ways))).map(lambda i: _with(parameters, *ways[i]))

    return requests(operation).flatmap(break_one)


def _with(parameters: dict[str, Any], path: tuple[Any, ...], value: Any, what: str) -> Broken:
    def put(at: Any, rest: tuple[Any, ...]) -> Any:
        changed = dict(at) if isinstance(at, dict) else list(at)
        if len(rest) > 1:
            changed[rest[0]] = put(at[rest[0]], rest[1:])
        elif value is REMOVED:
            del changed[rest[0]]
        else:
            changed[rest[0]] = value
        return changed

    return Broken(put(parameters, path), f"{'.'.join(map(str, path))}: {what}")


# ---- malformed on the wire -----------------------------------------------------------------------------------------

OTHER_TYPES = (None, True, 0, -1, 1.5, 2**70, "", "text", [], [1], [None], {}, {"a": 1}, [[]], "\ud800")
JUNK = (
    b"",
    b"{",
    b"<a",
    b"[]",
    b"\xff\xfe\x00",
    b"null",
    b'"x"',
    b"{}" * 3,
    b"[" * 3000,
    b"<a>" * 3000,
    b"a=%zz&&=&",
    b"\x9b" + b"\xff" * 8,
)
HEADERS = (
    ("Content-Type", "text/html"),
    ("Content-Type", "application/x-amz-cbor-1.1"),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Content-Type", "multipart/form-data; boundary=x"),
    ("Content-Encoding", "gzip"),
    ("X-Amz-Target", "a"),
    ("X-Amz-Target", "a.b.c.d"),
    ("X-Amz-Target", ""),
    ("Authorization", "garbage"),
    ("Authorization", "AWS4-HMAC-SHA256 Credential=a/b"),
    (
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/nosuch/aws4_request, SignedHeaders=host, Signature=0",
    ),
    ("Accept", "nothing/at-all"),
    ("Smithy-Protocol", "rpc-v2-cbor"),
    ("X-Amz-Date", "yesterday"),
    ("Range", "bytes=z"),
    ("Content-MD5", "!"),
    ("X-Amzn-Trace-Id", ";;=;"),
    ("If-Modified-Since", "never"),
    ("Transfer-Encoding", "chunked"),
)


@st.composite
def mangled(
    draw: st.DrawFn, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[str, str, dict[str, str], bytes]:
    """A request as it goes over the wire, with one thing wrong."""
    way = draw(st.sampled_from(["body", "cut", "flip", "header", "method", "path", "type", "query"]))
    if way == "body":
        body = draw(st.one_of(st.sampled_from(JUNK), st.binary(max_size=60)))
    elif way == "cut":
        body = body[: draw(st.integers(0, max(len(body) - 1, 0)))]
    elif way == "flip" and body:
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + draw(st.binary(min_size=1, max_size=3)) + body[at + 1 :]
    elif way == "header":
        name, value = draw(st.sampled_from(HEADERS))
        headers = {**{n: v for n, v in headers.items() if n.lower() != name.lower()}, name: value}
    elif way == "method":
        method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "FOO"]))
    elif way == "path":
        path = draw(st.sampled_from(["/", "//", "/%00", "/%ff", "/..", path + "/x", path + "?x", "/a/b/c/d/e"]))
    elif way == "query":
        path += ("&" if "?" in path else "?") + draw(
            st.sampled_from(["maxResults=x", "MaxItems=%ff", "max-keys=-1", "Action=", "=", "marker=%00"])
        )
    elif way == "type":
        body = _retyped(draw, body)
    return method, path, headers, body


def _retyped(draw: st.DrawFn, body: bytes) -> bytes:
    """JSON with a value of another type at one place; a form with one at one of its names."""
    try:
        document = json.loads(body)
    except ValueError:
        pairs = body.split(b"&")
        at = draw(st.integers(0, len(pairs) - 1))
        name = pairs[at].partition(b"=")[0]
        pairs[at] = name + b"=" + draw(st.sampled_from([b"", b"x", b"-1", b"1e99", b"%00", b"%ff", b"[]"]))
        return b"&".join(pairs)
    places = list(_places(document))
    place = draw(st.sampled_from(places)) if places else ()
    value = draw(st.sampled_from(OTHER_TYPES))
    if not place:
        return json.dumps(value).encode()
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return json.dumps(document).encode()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))
