"""The body of an upload that is signed in chunks (`aws-chunked`): each chunk's signature covers that of the one before.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_WITH_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_EMPTY = hashlib.sha256(b"").hexdigest()
_EXTENSION = b";chunk-signature="


class MalformedChunksError(ValueError):
    """The body is not what `aws-chunked` asks for."""


@dataclass(frozen=True, slots=True)
class SigningScope:
    """What all signatures of a request have in common: `date` is YYYYMMDD'T'HHMMSS'Z'."""

    date: str
    scope: str
    sign: Callable[[str], str]
    """The hexadecimal signature of a string to sign, by the request's signing key."""


@dataclass(frozen=True, slots=True)
class WrongChunk:
    """The first chunk, or the trailer, whose signature is another than that of its content."""

    provided: str
    string_to_sign: str


def first_wrong(body: bytes, seed: str, scope: SigningScope, *, trailer: bool) -> WrongChunk | None:
    """The first wrong signature of a body, the last of which is that of the trailer. `seed` is the signature of the headers.

    Raises MalformedChunksError.
    """
    before = seed
    rest = body
    for provided, content, remaining in _chunks(body):
        to_sign = "\n".join(
            ("AWS4-HMAC-SHA256-PAYLOAD", scope.date, scope.scope, before, _EMPTY, hashlib.sha256(content).hexdigest())
        )
        if not hmac.compare_digest(scope.sign(to_sign), provided):
            return WrongChunk(provided, to_sign)
        before, rest = provided, remaining
    return _wrong_trailer(rest, before, scope) if trailer else None


def _wrong_trailer(rest: bytes, before: str, scope: SigningScope) -> WrongChunk | None:
    lines = [line for line in rest.replace(b"\r\n", b"\n").split(b"\n") if line]
    headers = [line for line in lines if not line.lower().startswith(b"x-amz-trailer-signature:")]
    signatures = [line.partition(b":")[2].strip().decode() for line in lines if line not in headers]
    provided = signatures[0] if signatures else ""
    content = b"".join(line.strip() + b"\n" for line in headers)
    to_sign = "\n".join(
        ("AWS4-HMAC-SHA256-TRAILER", scope.date, scope.scope, before, hashlib.sha256(content).hexdigest())
    )
    return None if hmac.compare_digest(scope.sign(to_sign), provided) else WrongChunk(provided, to_sign)


def _chunks(body: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """`(signature, content, what follows)` of each chunk; the last one has no content."""
    rest = body
    while True:
        head, found, rest = rest.partition(b"\r\n")
        size, extension, signature = head.partition(_EXTENSION)
        try:
            length = int(size, 16)
        except ValueError:
            raise MalformedChunksError(f"{head[:80]!r} is not the head of a chunk") from None
        if not found or not extension or len(rest) < length:
            raise MalformedChunksError(f"the chunk {head[:80]!r} is not whole")
        content, rest = rest[:length], rest[length:]
        if length:
            if not rest.startswith(b"\r\n"):
                raise MalformedChunksError("a chunk is longer than its head says")
            rest = rest[2:]
        yield signature.decode("ascii", "replace"), content, rest
        if not length:
            return
