"""Sends generated requests to an engine and checks that each response has AWS's form."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import botocore.parsers
import botocore.serialize
import cbor2
from botocore.awsrequest import prepare_request_dict
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

SECONDS = 30
LONGEST_HEADER_VALUE = 8000

UNCHECKED = Config(parameter_validation=False, inject_host_prefix=False, read_timeout=SECONDS)
"""Of a client that sends what it is given."""


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    message: str = ""

    @property
    def is_failure_of_the_engine(self) -> bool:
        """501 says what is not implemented, which is no failure."""
        return self.status >= 500 and self.status != 501


def call(client: Any, operation: OperationModel, parameters: dict[str, Any]) -> Answer | None:
    """What a client of AWS's gets; None where the client itself cannot send it."""
    try:
        answered = client._make_api_call(operation.name, parameters)
    except ClientError as refused:
        error, status = refused.response["Error"], refused.response["ResponseMetadata"]["HTTPStatusCode"]
        # A response to HEAD has no body; botocore uses the status as the code.
        code = "" if operation.http.get("method") == "HEAD" else str(error.get("Code", ""))
        return Answer(status, code, str(error.get("Message", "")))
    except botocore.parsers.ResponseParserError as error:
        raise AssertionError(f"{operation.name}: no client can read the answer: {error}") from error
    except (BotoCoreError, ValueError, TypeError, AttributeError, KeyError):
        return None
    return Answer(answered["ResponseMetadata"]["HTTPStatusCode"], "")


@dataclass(frozen=True)
class Wire:
    """A request as bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def serialized(operation: OperationModel, parameters: dict[str, Any], endpoint: str, account: str) -> Wire:
    """Raises what botocore raises where it cannot serialize the parameters."""
    service = operation.service_model
    serializer = botocore.serialize.create_serializer(service.resolved_protocol, include_validation=False)
    request = serializer.serialize_to_request(parameters, operation)
    prepare_request_dict(request, endpoint)
    split = urlsplit(request["url"])
    body = request["body"] or b""
    if hasattr(body, "read"):
        body = body.read()
    scope = f"Credential={account}/20260101/us-east-1/{service.signing_name}/aws4_request"
    headers = {str(n): str(v) for n, v in request["headers"].items()}
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature={'0' * 64}"
    if service.service_name == "s3":
        del headers["Authorization"]  # its signature is verified
    path = split.path + (f"?{split.query}" if split.query else "")
    return Wire(request["method"], path or "/", headers, body.encode() if isinstance(body, str) else bytes(body))


def send(endpoint: str, wire: Wire, operation: OperationModel) -> Answer | None:
    """The response to a request that no AWS client would send; None if HTTP itself forbids the request."""
    split = urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(split.hostname), split.port, timeout=SECONDS)
    try:
        try:
            connection.putrequest(wire.method, wire.path, skip_accept_encoding=True)
            for name, value in wire.headers.items():
                if name.lower() not in ("content-length", "host") and len(value) < LONGEST_HEADER_VALUE:
                    connection.putheader(name, value)
            if "Transfer-Encoding" not in wire.headers:
                connection.putheader("Content-Length", str(len(wire.body)))
            connection.endheaders(wire.body)
        except (ValueError, UnicodeError, http.client.InvalidURL):
            return None
        if "Transfer-Encoding" in wire.headers:
            connection.sock.shutdown(1)  # or the server waits for a chunk that never comes
        try:
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException:
            if "Transfer-Encoding" in wire.headers:
                return None  # there was no request
            raise
        headers = {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()
    return Answer(
        response.status, _code(operation, response.status, headers, body, wire), body[:300].decode(errors="replace")
    )


def _code(operation: OperationModel, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> str:
    """What a client of AWS's reads of an error."""
    if status < 400 or wire.method == "HEAD" or not body:
        return ""
    protocol = operation.service_model.resolved_protocol
    if "cbor" in headers.get("content-type", ""):
        return str(cbor2.loads(body)["__type"])
    if "json" in headers.get("content-type", ""):
        protocol = "json" if protocol not in ("rest-json",) else protocol
        if body.startswith(b'{"ErrorResponse"'):  # of a service with forms, as it answers clients that accept JSON only
            return str(json.loads(body)["ErrorResponse"]["Error"]["Code"])
    elif "xml" in headers.get("content-type", "") and protocol not in ("query", "ec2", "rest-xml"):
        protocol = "query"
    parser = botocore.parsers.create_parser(protocol)
    answer = {"status_code": status, "headers": headers, "body": body}
    try:
        parsed = parser.parse(answer, operation.output_shape)
    except botocore.parsers.ResponseParserError as error:
        raise AssertionError(f"{operation.name}: no client can read {body[:200]!r}: {error}") from error
    return str(parsed.get("Error", {}).get("Code", ""))
