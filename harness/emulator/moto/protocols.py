"""Requests to moto and responses from it, in the protocol of the service.

moto reads a request from the wire, so one whose parameters were completed is rewritten, as is one that moto would read
differently. Its errors have the form of XML in
services that speak JSON, or no body; LocalStack 4.14.0 then answers with the status as the code.
"""

import copy
import re
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.forwarder import create_aws_request_context
from localstack.services import moto as localstack_moto
from moto.utilities.paginator import Paginator

from harness.emulator.host.attachments import COMPLETED
from harness.emulator.patches import patched

_JSON = ("json", "rest-json")
_CODE = re.compile(r"<Code>\s*([^<\s]+)\s*</Code>")
_MESSAGE = re.compile(r"<Message>\s*(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))\s*</Message>", re.DOTALL)


def completed(context: RequestContext) -> None:
    """The parameters of this request are no longer those on the wire."""
    COMPLETED[context] = True


def install() -> None:
    @patched(
        localstack_moto.dispatch_to_moto,
        because="completed parameters do not reach moto, and its errors are XML or empty where the service speaks JSON",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization",
    )
    def dispatch_to_moto(dispatch: Any, context: RequestContext) -> Any:
        if _has_empty_name(context):
            raise _unknown_operation(context)
        written_anew = COMPLETED.get(context) or _misreads(context)
        response = dispatch(_rewritten(context) if written_anew else context)
        if response.status_code >= 400:
            _raise_unreadable(context, response)
        return response

    @patched(
        Paginator.__init__,
        because="moto takes the size of a page from a query as text, and adds it to a number",
        source="https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListEmailIdentities.html",
    )
    def init(original: Any, self: Any, max_results: Any = None, *arguments: Any, **options: Any) -> None:
        if isinstance(max_results, str) and max_results.isdigit():
            max_results = int(max_results)
        original(self, max_results, *arguments, **options)

    for method in (Paginator._build_next_token, Paginator._check_predicate):

        @patched(
            method,
            because="moto pages through names as if they had attributes",
            source="https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListEmailIdentities.html",
        )
        def of_item(original: Any, self: Any, item: Any) -> Any:
            """Names have no attributes: each is identified by its name."""
            return original(self, dict.fromkeys(self._unique_attributes, item) if isinstance(item, str) else item)


def _misreads(context: RequestContext) -> bool:
    """Whether moto reads something else on the wire than LocalStack did: no body or `null` where it wants JSON, a body of an
    operation that has no members, a path that ends in an empty name."""
    request, operation = context.request, context.operation
    if context.protocol not in _JSON or operation is None or operation.has_streaming_input:
        return False
    if request.path.endswith("/") and request.path != "/" and not operation.http["requestUri"].endswith("/"):
        return True
    body = request.data.strip()
    if body == b"null":
        return True
    if request.method not in ("POST", "PUT", "PATCH"):
        return False
    shape = operation.input_shape
    if shape is None or not shape.members:
        return body not in (b"", b"{}")
    return body == b"" and any("location" not in member.serialization for member in shape.members.values())


def _rewritten(context: RequestContext) -> RequestContext:
    assert context.service is not None
    assert context.operation is not None
    again = create_aws_request_context(
        service_name=context.service.service_name,
        action=context.operation.name,
        parameters=context.service_request,
        region=context.region,
        protocol=context.protocol,
    )
    headers = copy.deepcopy(context.request.headers)
    headers.update(again.request.headers)
    again.request.headers = headers
    return again


def _raise_unreadable(context: RequestContext, response: Any) -> None:
    """An error that clients of the service cannot read."""
    body = response.get_data(as_text=True)
    if context.protocol in _JSON and body.lstrip().startswith("<") and (named := _CODE.search(body)):
        said = _MESSAGE.search(body)
        text = (said[1] or said[2] or "") if said else ""
        raise CommonServiceException(named[1], text, status_code=response.status_code, sender_fault=True)
    if body or context.operation is None or context.request.method == "HEAD":
        return
    status = response.status_code
    errors = [(shape.name, shape.metadata.get("error", {})) for shape in context.operation.error_shapes]
    code = next((name for name, error in errors if error.get("httpStatusCode") == status), None)
    if code is not None:
        raise CommonServiceException(code, "The resource does not exist.", status_code=status, sender_fault=True)
    if status == 404:
        raise _unknown_operation(context)


def _has_empty_name(context: RequestContext) -> bool:
    """A path without the name that its operation wants; moto knows no such path and fails."""
    shape = context.operation.input_shape if context.operation is not None else None
    if context.protocol != "rest-json" or shape is None:
        return False
    request: Any = context.service_request or {}
    return any(m.serialization.get("location") == "uri" and not request.get(n) for n, m in shape.members.items())


def _unknown_operation(context: RequestContext) -> CommonServiceException:
    message = f"There is no operation {context.request.method} {context.request.path}"
    return CommonServiceException("UnknownOperationException", message, status_code=404, sender_fault=True)
