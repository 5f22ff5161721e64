"""Signed URLs that S3 did not take
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).

Who signed a URL is known where a function of the same flow answered with it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind

_REASONS = (
    ("signed-url-expired", re.compile(r"Request has expired"), "it has expired"),
    (
        "signed-url-altered",
        re.compile(r"SignatureDoesNotMatch"),
        "its signature is of another request: the URL, the method or a signed header is not what was signed",
    ),
)
_SECONDS = re.compile(r"X-Amz-Expires=(\d+)")


def find(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.of(Kind.CALL, "s3"):
        error = call.error if isinstance(call.error, Mapping) else {}
        said = f"{error.get('code')} {error.get('message')}"
        for cause, pattern, why in _REASONS:
            if pattern.search(said):
                yield _finding(evidence, call, cause, why)


def _finding(evidence: Evidence, call: Activity, cause: str, why: str) -> Finding:
    request = call.data.get("request") or {}
    bucket, key = str(request.get("Bucket", "")), str(request.get("Key", ""))
    signed = _signed_by(evidence, call, key)
    by = ""
    place = evidence.place(bucket)
    if signed is not None:
        function, seconds = signed
        by = f" of function {evidence.named(function)}" + (f" for {_in_words(int(seconds))}" if seconds else "")
        place = evidence.place_of_function(function, seconds)
    sentence = f"Bucket {evidence.named(bucket)} refused the signed URL{by} ({call.begin.name} of '{key}'): {why}."
    return evidence.finding(cause, sentence, bucket, place, call)


def _signed_by(evidence: Evidence, call: Activity, key: str) -> tuple[str, str] | None:
    """The function that answered with a signed URL for this key, and for how many seconds it is good, where it says so."""
    for invocation in evidence.of(Kind.INVOCATION, "lambda"):
        if invocation.begin.sequence < call.begin.sequence:
            result = json.dumps(invocation.data.get("result"), default=str)
            if "Signature=" in result and quote(key) in result:
                seconds = _SECONDS.search(result)
                return invocation.begin.resource, seconds[1] if seconds else ""
    return None


def _in_words(seconds: int) -> str:
    return "1 second" if seconds == 1 else f"{seconds} seconds"
