"""Function URLs, on the gateway's port: who may call them, their CORS, and the invocation.

A URL is known by its host (`<id>.lambda-url.<region>.…`) and by a path, `/_aws/lambda-url/<id>/…`, which is what the API and
`!GetAtt FnUrl.FunctionUrl` return here: Linux's resolver does not know names below localhost.

LocalStack 4.14.0 admits every caller, and answers 500 to each call, because it passes on a client context that is not base64.
https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.connect import connect_to
from localstack.aws.handlers import cors
from localstack.http import Response
from localstack.http.websocket import WebSocketRequest
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils.strings import long_uid
from localstack.utils.urls import localstack_host
from rolo.request import get_raw_path

from harness.emulator.access import principals
from harness.emulator.access.enforcement import principal_may
from harness.emulator.access.request_signature import SignatureError, Signer, authenticate
from harness.emulator.journal import requests
from harness.emulator.lambda_.function_url_event import FunctionUrlRequest, FunctionUrlResponse, answer_of, event_of
from harness.emulator.patches import inserted, patched

LOG = logging.getLogger(__name__)

SERVICE = "lambda"
PATH = "/_aws/lambda-url"
_PATH = re.compile(r"/_aws/lambda-url/(?P<id>[^/]+)(?P<path>/.*)?", re.DOTALL)
_HOST = re.compile(r"(?P<id>[^.]+)\.lambda-url\.(?P<region>[a-z0-9-]+)\.", re.IGNORECASE)
MAX_BODY_BYTES = 6 * 1024 * 1024
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


def url_of(url_id: str) -> str:
    return f"http://{localstack_host().host_and_port()}{PATH}/{url_id}/"


def place_of(host: str, raw_path: str) -> tuple[str, str] | None:
    """`(id of the function URL, path at the function)`; None for what is not asked of one."""
    if found := _PATH.fullmatch(raw_path):
        return found["id"], found["path"] or "/"
    if found := _HOST.match(host):
        return found["id"].lower(), raw_path
    return None


def _configuration(url_id: str) -> Any | None:
    for _account, _region, store in lambda_stores.iter_stores():
        for function in list(store.functions.values()):
            for configuration in list(function.function_url_configs.values()):
                if configuration.url_id.lower() == url_id.lower():
                    return configuration
    return None


def serve(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A handler of LocalStack's chain, before anything of it judges the request as one to AWS's API."""
    place = place_of(context.request.host, get_raw_path(context.request))
    if place is None:
        return
    answer = FunctionUrlResponse(400) if isinstance(context.request, WebSocketRequest) else _answer(context, *place)
    response.status_code = answer.status
    response.headers.clear()
    for name, value in answer.headers:
        response.headers.add(name, value)
    response.set_data(answer.body)
    chain.stop()


def _answer(context: RequestContext, url_id: str, path: str) -> FunctionUrlResponse:
    configuration = _configuration(url_id)
    if configuration is None:
        return _error(403, None, "AccessDeniedException")
    request = context.request
    shared = _cors_headers(configuration.cors or {}, request.headers.get("Origin"))
    if configuration.cors and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return FunctionUrlResponse(200, [*shared, *_preflight_headers(configuration.cors)])
    answer = _invoked(context, configuration, path)
    names = {name.lower() for name, _ in shared}
    # What is configured replaces what the function says.
    return FunctionUrlResponse(
        answer.status, [h for h in answer.headers if h[0].lower() not in names] + shared, answer.body
    )


def _invoked(context: RequestContext, configuration: Any, path: str) -> FunctionUrlResponse:
    request, arn = context.request, configuration.function_arn
    body = request.get_data()
    signer: Signer | None = None
    if configuration.auth_type == "AWS_IAM":
        try:
            signer = authenticate(request, body, SERVICE)
        except SignatureError as error:
            missing = error.code == "MissingAuthenticationTokenException"
            message, code = (_FORBIDDEN, "AccessDeniedException") if missing else (error.message, error.code)
            return _error(403, message, code)
    principal = signer.principal if signer else principals.anonymous()
    asked_of = {"lambda:functionurlauthtype": (configuration.auth_type,), "lambda:invokedviafunctionurl": ("true",)}
    # Both, as AWS asks of function URLs that are made since October 2025 (the page above).
    if not all(principal_may(principal, f"lambda:{a}", arn, asked_of) for a in ("InvokeFunctionUrl", "InvokeFunction")):
        return _error(403, _FORBIDDEN, "AccessDeniedException")
    if len(body) > MAX_BODY_BYTES:
        return _error(413, "Request Entity Too Large", "RequestEntityTooLargeException")
    _arn, _partition, _service, region, account_id, *_ = arn.split(":")
    asked = FunctionUrlRequest(
        url_id=configuration.url_id,
        domain=request.host.partition(":")[0],
        method=request.method,
        path=path,
        query=request.query_string.decode("latin-1"),
        arguments=list(request.args.items(multi=True)),
        headers=list(request.headers.items()),
        body=body,
        source_ip=request.remote_addr or "127.0.0.1",
        request_id=long_uid(),
        port=localstack_host().port,
        account_id=signer.account_id if signer else "anonymous",
        iam=_iam(signer) if signer else None,
    )
    client = connect_to(aws_access_key_id=account_id, region_name=region).lambda_
    try:
        result = client.invoke(FunctionName=arn, Payload=json.dumps(event_of(asked)))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = 429 if code == "TooManyRequestsException" else 502
        LOG.warning("function URL %s: %s", configuration.url_id, error)
        return _error(status, "Too Many Requests" if status == 429 else "Internal Server Error", code)
    payload = result["Payload"].read()
    if not result.get("FunctionError"):
        try:
            return answer_of(payload)
        except ValueError as invalid:
            LOG.warning("function URL %s: the function's result is no HTTP answer: %s", configuration.url_id, invalid)
    # AWS shows the client no more of an error of the function.
    return FunctionUrlResponse(502, [("Content-Type", "application/json")], b"Internal Server Error")


def _iam(signer: Signer) -> dict[str, str | None]:
    return {
        "accessKey": signer.access_key,
        "accountId": signer.account_id,
        "callerId": signer.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": signer.principal.arn,
        "userId": signer.user_id,
    }


def _error(status: int, message: str | None, code: str) -> FunctionUrlResponse:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    return FunctionUrlResponse(status, headers, json.dumps({"Message": message}).encode())


def _cors_headers(configured: Mapping[str, Any], origin: str | None) -> list[tuple[str, str]]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html"""
    origins = configured.get("AllowOrigins") or ()
    if origin is None or not ("*" in origins or origin in origins):
        return []
    credentials = bool(configured.get("AllowCredentials"))
    headers = [
        ("Access-Control-Allow-Origin", "*" if "*" in origins and not credentials else origin),
        ("Vary", "Origin"),
    ]
    if credentials:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if exposed := configured.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ",".join(exposed)))
    return headers


def _preflight_headers(configured: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = {"Access-Control-Allow-Methods": "AllowMethods", "Access-Control-Allow-Headers": "AllowHeaders"}
    headers = [(name, ",".join(configured[key])) for name, key in named.items() if configured.get(key)]
    if (age := configured.get("MaxAge")) is not None:
        headers.append(("Access-Control-Max-Age", str(age)))
    return headers


def _resource(url_id: str) -> str:
    configuration = _configuration(url_id)
    return str(configuration.function_arn) if configuration is not None else url_id


def install() -> None:
    inserted(
        handlers,
        "preprocess_request",
        serve,
        because="function URLs answer everyone, and 500 to each call",
        source="https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    )
    requests.describe(SERVICE, _resource, lambda _context: {})

    @patched(
        cors.should_enforce_self_managed_service,
        because="the configuration of a function URL says which origins may read it",
        source="https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors",
        layer=1,
    )
    def should_enforce(original: Any, context: RequestContext) -> Any:
        # A function URL's own configuration says which origins may read it.
        return place_of(context.request.host, context.request.path) is None and original(context)

    @patched(
        LambdaProvider.create_function_url_config,
        because="function URLs answer everyone, and 500 to each call",
        source="https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    )
    def create_url(original: Any, self: Any, *args: Any, **options: Any) -> Any:
        answer = original(self, *args, **options)
        for _account, _region, store in lambda_stores.iter_stores():
            for function in list(store.functions.values()):
                for qualifier, made in list(function.function_url_configs.items()):
                    if made.url == answer["FunctionUrl"]:
                        answer["FunctionUrl"] = url_of(made.url_id)
                        function.function_url_configs[qualifier] = replace(made, url=answer["FunctionUrl"])
        return answer

    @patched(
        LambdaProvider.add_permission,
        because="function URLs answer everyone, and 500 to each call",
        source="https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    )
    def add_permission(original: Any, self: Any, context: RequestContext, request: Any, **options: Any) -> Any:
        answer = original(self, context, request, **options)
        if request.get("InvokedViaFunctionUrl"):
            answer["Statement"] = _limit_to_urls(context, answer["Statement"])
        return answer


def _limit_to_urls(context: RequestContext, statement: str) -> str:
    """Add the condition that LocalStack leaves out, which would let everyone invoke the function
    (https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html)."""
    said: dict[str, Any] = json.loads(statement)
    said.setdefault("Condition", {})["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
    name = str(said["Resource"]).split(":")[6]
    for policy in lambda_stores[context.account_id][context.region].functions[name].permissions.values():
        statements = policy.policy.Statement
        for index, each in enumerate(statements):
            if each["Sid"] == said["Sid"] and each["Resource"] == said["Resource"]:
                statements[index] = said
    return json.dumps(said)
