"""Signed URLs and forms that S3 did not accept, and requests that another secret signed
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html).

The signer of a URL or a form is known if a function of the same flow returned it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from harness.flow.explain.evidence import Evidence
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind

_URL = (
    ("signed-url-expired", re.compile(r"Request has expired"), "it has expired"),
    (
        "signed-url-altered",
        re.compile(r"SignatureDoesNotMatch"),
        "its signature is of another request: the URL, the method or a signed header is not what was signed",
    ),
)
_FORM = (
    ("signed-form-expired", re.compile(r"Policy expired"), "it has expired"),
    (
        "signed-form-altered",
        re.compile(r"SignatureDoesNotMatch"),
        "its signature is of another policy, or by another secret than the access key's",
    ),
    ("signed-form-altered", re.compile(r"Policy Condition failed: (.+)"), "its policy demands {}"),
    ("signed-form-altered", re.compile(r"Extra input fields: (.+)"), "its policy knows no field {}"),
    ("upload-size-refused", re.compile(r"EntityTooLarge"), "the file is larger than its policy allows"),
    ("upload-size-refused", re.compile(r"EntityTooSmall"), "the file is smaller than its policy allows"),
)
_SECONDS = re.compile(r"X-Amz-Expires=(\d+)")


def find(evidence: Evidence) -> Iterator[Finding]:
    for call in evidence.of(Kind.CALL, "s3"):
        error = call.error if isinstance(call.error, Mapping) else {}
        said = f"{error.get('code')} {error.get('message')}"
        form = call.begin.name == "PostObject"
        if not form and call.data.get("signed") != "url":
            yield from _wrong_secret(evidence, call, said)
            continue
        for cause, pattern, why in _FORM if form else _URL:
            if found := pattern.search(said):
                told = why.format(*found.groups())
                yield _finding(evidence, call, cause, told, "form" if form else "URL")
                break


def _wrong_secret(evidence: Evidence, call: Activity, said: str) -> Iterator[Finding]:
    if "SignatureDoesNotMatch" not in said:
        return
    request = call.data.get("request") or {}
    bucket, key = str(request.get("Bucket", "")), str(request.get("Key", ""))
    what = f"{call.begin.name} of '{key}'" if key else call.begin.name
    sentence = (
        f"Bucket {evidence.named(bucket)} refused {what}: the request is signed with another secret than its access key has, "
        "or was changed since."
    )
    yield evidence.finding(
        "signature-mismatch", sentence, bucket, evidence.place_of_caller(call) or evidence.place(bucket), call
    )


def _finding(evidence: Evidence, call: Activity, cause: str, why: str, what: str) -> Finding:
    request = call.data.get("request") or {}
    bucket, key = str(request.get("Bucket", "")), str(request.get("Key", ""))
    signed = _signed_by(evidence, call, key)
    by = ""
    place = evidence.place(bucket)
    if signed is not None:
        function, seconds = signed
        by = f" of function {evidence.named(function)}" + (f" for {_in_words(int(seconds))}" if seconds else "")
        place = evidence.place_of_function(function, seconds)
    sentence = f"Bucket {evidence.named(bucket)} refused the signed {what}{by} ({call.begin.name} of '{key}'): {why}."
    return evidence.finding(cause, sentence, bucket, place, call)


def _signed_by(evidence: Evidence, call: Activity, key: str) -> tuple[str, str] | None:
    """The function that returned a URL or a form for this key, and the number of seconds for which it is valid, if stated."""
    for invocation in evidence.of(Kind.INVOCATION, "lambda"):
        if invocation.begin.sequence < call.begin.sequence:
            result = json.dumps(invocation.data.get("result"), default=str)
            if "signature" in result.lower() and quote(key) in result:
                seconds = _SECONDS.search(result)
                return invocation.begin.resource, seconds[1] if seconds else ""
    return None


def _in_words(seconds: int) -> str:
    return "1 second" if seconds == 1 else f"{seconds} seconds"
