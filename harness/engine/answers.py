"""What an emulator's response says about a service: that it exists, or why not."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

_SHOWN_CHARACTERS = 200

# AWS's error codes for an operation that a service does not have, and S3's for a request that it does not accept.
_NOT_KNOWN = frozenset(
    {
        "",
        "Unknown",
        "UnknownOperation",
        "UnknownOperationException",
        "InvalidAction",
        "MethodNotAllowed",
        "NotImplemented",
    }
)
_OF_S3 = frozenset({"ListBuckets"})
ERRORS = (BotoCoreError, ClientError, ResponseParserError)
"""Everything that boto3 raises for an error response or a missing response."""


class LacksError(Exception):
    """A service does not work; the message says how that was found."""


@contextmanager
def understood(*, any_error: bool = False) -> Iterator[None]:
    """Convert boto3's errors to LacksError, unless the service exists and only refuses the call; `any_error` converts
    that as well."""
    try:
        yield
    except ClientError as error:
        if any_error or not _refuses_as_aws_does(error):
            raise LacksError(_said(error)) from error
    except ResponseParserError as error:
        # botocore names its own exception first, then the response.
        came_back = str(error).partition("\nb'")[2].rstrip("'").replace("\\n", " ")
        raise LacksError(f"no answer of AWS's: {one_line(came_back or str(error))}") from error
    except BotoCoreError as error:
        raise LacksError(one_line(str(error))) from error


def _refuses_as_aws_does(error: ClientError) -> bool:
    """Whether an error shows that the service exists: a client error with a code of AWS, from this service."""
    status = _status(error)
    code = str(error.response.get("Error", {}).get("Code", ""))
    if not 400 <= status < 500 or code.isdigit() or code in _NOT_KNOWN:
        return False
    # Many emulators take an unknown path for an S3 bucket.
    return code != "NoSuchBucket" or error.operation_name in _OF_S3


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _said(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), one_line(str(details.get("Message", "")))
    status = _status(error)
    return f"{status} {code}".removesuffix(f" {status}") + (f": {message}" if message else "")


def one_line(text: str) -> str:
    """The text of a response without its markup, in one line."""
    words = " ".join(re.sub(r"<(style|script|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S | re.I).split())
    return words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}…"
