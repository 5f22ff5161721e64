"""Puts the door before LocalStack's gateway: before its handlers, its routes and its CORS check."""

import json
import logging
import os
import socket
from typing import Any

import psutil
from localstack import config
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.chain import HandlerChain
from localstack.aws.handlers import cors
from localstack.http import Response
from localstack.utils.urls import localstack_host
from rolo.gateway import Gateway
from rolo.request import get_raw_path

from harness.emulator.door import names, pages
from harness.emulator.door.judgement import Admission, Door, DoorRefusal, Request
from harness.emulator.door.places import RequestArea
from harness.emulator.door.token import HEADER, Token
from harness.emulator.patches import inserted, patched, replaced

LOG = logging.getLogger(__name__)
_KEPT = "harness.door"
"""The admission of a request, in its environment."""
_CORS_FOR_ALL = ("/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo", "/.well-known/")
"""What Cognito answers to scripts of any page: an application's own page is on another origin than its user pool."""


def request_of(request: Any) -> Request:
    """What the door looks at of a request of LocalStack's server."""
    environ = request.environ
    raw = environ.get("rolo.headers")
    if raw is None:
        raw = [(name, value) for name, value in request.headers.items()]
    headers = [(_text(name).lower(), _text(value)) for name, value in raw]
    target = str(environ.get("RAW_URI") or "")
    return Request(
        method=request.method,
        raw_path=get_raw_path(request).partition("?")[0],
        query=list(request.args.items(multi=True)),
        headers=headers,
        protocol=str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
        is_secure=environ.get("wsgi.url_scheme") == "https",
        target_host=target.split("/")[2] if target.lower().startswith(("http://", "https://")) else None,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def admission_of(request: Any) -> Admission | None:
    admission: Admission | None = request.environ.get(_KEPT)
    return admission


def has_token(request: Any) -> bool:
    """Whether a request that was admitted shows the engine's token."""
    admission = admission_of(request)
    return admission is not None and admission.token_shown


def write(refusal: DoorRefusal, response: Response) -> None:
    """The answer to a refused request: `error` for the harness, `__type` and `message` for AWS's SDKs."""
    response.status_code = refusal.status
    response.headers.clear()
    said = {"error": refusal.message, "__type": refusal.code, "message": refusal.message}
    response.set_data(json.dumps(said) + "\n")
    response.headers["Content-Type"] = "application/json"
    # A picture or a style sheet of another page is nothing to look at.
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"


def door_of_environment() -> Door:
    """The door of this LocalStack process. Raises ValueError for settings that are wrong."""
    from harness.emulator.access.secret_keys import secret_of

    own = {localstack_host().host, *(each.host.strip("[]") for each in config.GATEWAY_LISTEN)} - {"0.0.0.0", "::"}
    # A container that other machines reach; an engine for this machine only may run in a container, too.
    for_others = any(not names.Names().is_loopback(each.host.strip("[]")) for each in config.GATEWAY_LISTEN)
    here = {each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found}
    return Door(
        token=Token.of_environment(os.environ),
        names=names.Names(
            own=frozenset(name.lower() for name in (*own, socket.gethostname())),
            allowed=names.allowed_hosts(os.environ.get("HARNESS_ALLOWED_HOSTS", "").split(",")),
            addresses=frozenset(address for address in here if names.is_address(address)),
            in_container=bool(config.is_in_docker) and for_others,
        ),
        origins=pages.allowed_origins(os.environ.get("HARNESS_ALLOWED_ORIGINS", "").split(",")),
        ports=frozenset(each.port for each in config.GATEWAY_LISTEN),
        can_be_guessed=lambda key: config.S3_SKIP_SIGNATURE_VALIDATION or not secret_of(key).known,
    )


DOOR = door_of_environment()
"""Of this LocalStack process."""


def install() -> None:
    @patched(
        Gateway.process,
        because="LocalStack answers every host, page and process",
        source="https://owasp.org/www-community/attacks/csrf",
    )
    def process(original: Any, self: Any, request: Any, response: Response) -> None:
        if not isinstance(self, LocalstackAwsGateway):
            original(self, request, response)
            return
        judged = DOOR.judge(request_of(request))
        # Nothing behind the door has a use for it, and what is written down or passed on must not hold it.
        request.headers.pop(HEADER, None)
        request.environ.pop("HTTP_X_HARNESS_TOKEN", None)
        if (raw := request.environ.get("rolo.headers")) is not None:
            request.environ["rolo.headers"] = [each for each in raw if each[0].lower() != HEADER.lower().encode()]
        if isinstance(judged, DoorRefusal):
            LOG.info("refused %s %s: %s", request.method, request.path, judged.message)
            write(judged, response)
            return
        request.environ[_KEPT] = judged
        original(self, request, response)

    _install_cors()


def install_second() -> None:
    """Before anything else handles a call whose operation is known."""
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        judge_call,
        because="a page of a browser makes calls with the credentials of a query",
        source="https://owasp.org/www-community/attacks/csrf",
        first=True,
    )


def judge_call(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A request handler: what was admitted to some operations only, now that the operation is known."""
    admission = admission_of(context.request)
    refusal = DOOR.judge_call(admission, context) if admission is not None else None
    if refusal is not None:
        LOG.info("refused %s %s: %s", context.request.method, context.request.path, refusal.message)
        write(refusal, response)
        chain.terminate()


def _install_cors() -> None:
    """LocalStack's CORS check lets requests without Origin and Referer pass, and has a list of allowed origins. Only its answers
    to preflights are left, and its headers for pages that were let in."""

    def is_in_allowed_origins(_allowed: list[str], origin: str) -> bool:
        return DOOR.is_own(origin)

    # Called by its name, here and in `localstack.services.s3.cors`.
    replaced(
        cors.CorsEnforcer,
        "_is_in_allowed_origins",
        staticmethod(is_in_allowed_origins),
        because="pages of other origins are let in (file://, app.localstack.cloud)",
        source="https://owasp.org/www-community/attacks/csrf",
    )

    @patched(
        cors.CorsEnforcer.__call__,
        because="the door decides before CORS, and CORS only for whom the door lets in",
        source="https://owasp.org/www-community/attacks/csrf",
    )
    def enforce(_original: Any, _self: Any, chain: HandlerChain, context: RequestContext, response: Response) -> None:
        admission = admission_of(context.request)
        if admission is None or not cors.should_enforce_self_managed_service(context):
            return
        if context.request.method != "OPTIONS":
            return
        if admission.is_foreign and admission.place is not RequestArea.DEPLOYED:
            response.status_code = 403
            chain.terminate()
        else:
            response.status_code = 204
            chain.stop()

    @patched(
        cors.CorsResponseEnricher.__call__,
        because="answers name the origins that the door lets in, and no other",
        source="https://owasp.org/www-community/attacks/csrf",
    )
    def enrich(original: Any, self: Any, chain: HandlerChain, context: RequestContext, response: Response) -> None:
        admission = admission_of(context.request)
        if admission is None or not admission.is_foreign:
            original(self, chain, context, response)
        elif admission.place is RequestArea.DEPLOYED and any(path in context.request.path for path in _CORS_FOR_ALL):
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Allow-Headers"] = "*"
