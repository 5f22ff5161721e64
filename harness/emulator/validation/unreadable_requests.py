"""Puts the errors of `malformed` in the place where LocalStack reads a request: its content coding, its service, its operation
and its parameters."""

import gzip
import io
import json
import zlib
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.aws.handlers.codec import ContentDecoder
from localstack.aws.handlers.service import ServiceExceptionSerializer, ServiceNameParser
from localstack.aws.protocol import parser as parsers
from localstack.aws.protocol import service_router
from werkzeug.exceptions import HTTPException

from harness.emulator.patches import patched
from harness.emulator.validation import malformed, mistaken_values, request_head, wire_types
from harness.emulator.validation.answers import exception_of
from harness.emulator.validation.messages import RequestRefusal

MAX_DECODED_BYTES = 64 * 1024 * 1024
"""Of a body with Content-Encoding: gzip. No operation that takes one takes more."""


def install() -> None:
    request_head.install()
    wire_types.install()
    for parser in (
        parsers.QueryRequestParser,
        parsers.BaseRestRequestParser,
        parsers.JSONRequestParser,
        parsers.BaseRpcV2RequestParser,
        # Last: it wraps the one of BaseRestRequestParser.
        parsers.S3RequestParser,
    ):
        _answer_for(parser)
    patched(
        ServiceNameParser.__call__,
        because="bodies that cannot be parsed are answered with 500",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization",
    )(find_service)
    patched(
        ServiceExceptionSerializer.create_exception_response,
        because="bodies that cannot be parsed are answered with 500",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization",
    )(exception_response)
    patched(
        ContentDecoder.__call__,
        because="bodies that cannot be parsed are answered with 500",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization",
    )(decode)


def _answer_for(parser: Any) -> None:
    @patched(
        parser.parse,
        because="bodies that cannot be parsed are answered with 500",
        source="https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization",
    )
    def parse(original: Any, self: Any, request: Any) -> Any:
        try:
            return original(self, request)
        except parsers.RequestParserError as error:
            if isinstance(error.__cause__, ServiceException):
                raise error.__cause__ from None  # of the parser below
            if isinstance(error.__cause__, NotImplementedError):
                raise error.__cause__ from None  # event streams
            raise exception_of(malformed.refusal(error, self.service, _protocol(self), request)) from error


_PROTOCOLS: dict[type, str] = {
    parsers.EC2RequestParser: "ec2",
    parsers.QueryRequestParser: "query",
    parsers.RestJSONRequestParser: "rest-json",
    parsers.RestXMLRequestParser: "rest-xml",
    parsers.RpcV2CBORRequestParser: "smithy-rpc-v2-cbor",
    parsers.JSONRequestParser: "json",
}


def _protocol(parser: Any) -> str:
    return next(protocol for kind, protocol in _PROTOCOLS.items() if isinstance(parser, kind))


WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Not GET: tools take the root of the gateway for a sign of life."""


def find_service(original: Any, self: Any, chain: Any, context: RequestContext, response: Any) -> None:
    """A credential scope, or an X-Amz-Target, of no service that there is; a body in no protocol of the service."""
    try:
        original(self, chain, context, response)
        if context.service is None and context.request.method in WRITING:
            # Nothing else of LocalStack's would answer, and what nothing answers is 200 without a body.
            _answer(
                chain,
                context,
                RequestRefusal("MissingAuthenticationTokenException", "Missing Authentication Token", 403),
            )
    except UnknownServiceError as error:
        name = error.kwargs.get("service_name", "")
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
        message = f"Credential should be scoped to a valid service, not to {str(name)[:100]!r}."
        _answer(chain, context, RequestRefusal("InvalidSignatureException", message, 403))
    except service_router.ProtocolError:
        model = context.service
        assert model is not None
        context.protocol = model.protocol
        why = (
            f"The request is in none of the protocols of {model.service_name}: {', '.join(model.metadata['protocols'])}"
        )
        raise exception_of(malformed.malformed(model, model.protocol, why)) from None


def _answer(chain: Any, context: RequestContext, refusal: RequestRefusal) -> None:
    """In JSON where the request is, or else as the XML of the older services: its service is not known."""
    request = context.request
    if "X-Amz-Target" in request.headers or "json" in request.mimetype:
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": refusal.code}
        chain.respond(refusal.status, json.dumps({"__type": refusal.code, "message": refusal.message}), headers)
        return
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{refusal.code}</Code>"
        f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{context.request_id}</RequestId></ErrorResponse>"
    )
    chain.respond(refusal.status, body, {"Content-Type": "text/xml"})


def exception_response(original: Any, self: Any, exception: Exception, context: RequestContext) -> Any:
    """An error before the operation is known has the form of any other operation of the service."""
    if _is_of_werkzeug(exception):
        assert isinstance(exception, HTTPException)
        assert context.service is not None
        refused = malformed.malformed(context.service, str(context.protocol), exception.description or exception.name)
        exception = exception_of(RequestRefusal(refused.code, refused.message, exception.code or 400))
    elif (mistake := mistaken_values.refusal(exception, context)) is not None:
        exception = exception_of(mistake)
    if context.operation is not None or context.service is None or not isinstance(exception, ServiceException):
        return original(self, exception, context)
    context.operation = context.service.operation_model(context.service.operation_names[0])
    try:
        return original(self, exception, context)
    finally:
        context.operation = None


def _is_of_werkzeug(exception: Exception) -> bool:
    """Not those of moto, which are of the same kind and mean something else."""
    return (
        isinstance(exception, HTTPException)
        and type(exception).__module__.startswith("werkzeug.")
        and (exception.code or 500) < 500
    )


def decode(original: Any, self: Any, chain: Any, context: RequestContext, response: Any) -> None:
    """Decodes at once, and with a bound, what LocalStack decodes when it is first read."""
    request: Any = context.request
    if (request.content_encoding or "").lower() != "gzip" or (
        context.service is not None and context.service.service_name in self.SKIP_GZIP_SERVICES
    ):
        original(self, chain, context, response)
        return
    sent = request.stream.read()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(sent)) as body:
            content = body.read(MAX_DECODED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        request.stream = io.BytesIO(sent)
        if _is_aws_call(request):
            _refuse_body(context, f"The body is not gzip, as Content-Encoding says: {error}", 400)
        return  # an API of the user's may make something else of it
    if len(content) > MAX_DECODED_BYTES:
        request.stream = io.BytesIO(b"")
        _refuse_body(context, f"The decoded body is larger than {MAX_DECODED_BYTES} bytes", 413)
    request.stream = io.BytesIO(content)
    request.headers["Content-Encoding"] = "identity"


def _is_aws_call(request: Any) -> bool:
    return "X-Amz-Target" in request.headers or request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256")


def _refuse_body(context: RequestContext, why: str, status: int) -> None:
    try:
        context.service = context.service or service_router.determine_aws_service_model(context.request)
    except UnknownServiceError:
        context.service = None
    if context.service is None:
        raise _http_error(status, why)
    context.protocol = context.service.protocol
    refused = malformed.malformed(context.service, context.protocol, why)
    raise CommonServiceException(refused.code, refused.message, status_code=status, sender_fault=True)


def _http_error(status: int, why: str) -> HTTPException:
    error = HTTPException(why)
    error.code = status
    return error
