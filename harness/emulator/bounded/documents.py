"""Documents within calls (policies, patterns, definitions) that are nested too deeply are refused in the service's words."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response

from harness import aws
from harness.emulator.bounded.nesting import MAX_DEPTH, MAX_VALUES, endless, first_place, too_deep
from harness.emulator.patches import inserted


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        _refuse_deep_documents,
        because="documents in calls that are nested too deeply end in a RecursionError",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
    )


def _refuse_deep_documents(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    if context.service is None:
        return
    known, request = aws.service(context.service.service_name), context.service_request or {}
    for name in known.documents:
        value: Any = request.get(name)
        if hasattr(value, "read"):
            request[name] = io.BytesIO(value := value.read())
        for text in _texts(value):
            if problem := _problem(text):
                said = f"{name} is not valid. Reason: {problem}."
                raise CommonServiceException(known.document_error, said, status_code=400, sender_fault=True)


def _problem(text: str) -> str | None:
    """What is wrong with how a document is built, be it JSON or YAML; None for what is sound, or neither of them."""
    if text.lstrip()[:1] in ("{", "[", ""):
        return f"it is nested more than {MAX_DEPTH} levels deep" if too_deep(text) else None
    if "\n" not in text:
        return None
    try:
        if found := first_place(text, aliases=False):
            return f"line {found[1]} is nested more than {MAX_DEPTH} levels deep"
        return f"it holds more than {MAX_VALUES:,} values with its aliases written out" if endless(text) else None
    except (yaml.YAMLError, ValueError):
        return None


def _texts(value: Any) -> Iterator[str]:
    """The texts in a parameter, which the service model allows to be a structure of few levels."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
