"""The hosted sign-in of a pool's domain: OAuth 2.0 endpoints, on the gateway's port.

`https://<domain>.auth.<region>.amazoncognito.com/<path>` on AWS is `/_aws/cognito-idp/<domain>/<path>` here.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

import base64
import hashlib
import hmac
import html
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from localstack.http import Request, Response
from localstack.services.edge import ROUTER
from moto.cognitoidp.models import cognitoidp_backends

from harness.emulator.cognito import account, authentication, federation, sign_up, tokens
from harness.emulator.cognito.delivery import HOSTED_UI_PATH
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.lambda_invoker import invoke
from harness.emulator.cognito.records import AuthorizationCode, Federation
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import AppClient, UserPool, is_true, pool_by_id

NATIVE = "COGNITO"
CODE_SECONDS = 300
_OPENID_SCOPES = ("openid", "email", "phone", "profile", tokens.USER_ADMIN_SCOPE)


class OAuthError(Exception):
    """A refusal by its OAuth 2.0 name, such as `invalid_grant`; `redirect_uri` says where the browser takes it."""

    def __init__(
        self, error: str, description: str | None = None, *, status: int = 400, redirect_uri: str | None = None
    ):
        super().__init__(error, description)
        self.error, self.description, self.status, self.redirect_uri = error, description, status, redirect_uri


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")


def _redirect(uri: str, parameters: dict[str, str | None], mark: str = "?") -> Response:
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    separator = "&" if mark == "?" and "?" in uri else mark
    return Response(status=302, headers={"Location": f"{uri}{separator}{query}" if query else uri})


def _answers(endpoint: Callable[[Request, UserPool], Response]) -> Callable[..., Response]:
    """Find the pool of the domain, and turn refusals into what a browser or a client gets."""

    def call(request: Request, domain: str) -> Response:
        try:
            return endpoint(request, _pool_of(domain))
        except OAuthError as error:
            body = {"error": error.error, "error_description": error.description}
            known = {name: value for name, value in body.items() if value}
            if error.redirect_uri:
                return _redirect(error.redirect_uri, {**known, "state": request.values.get("state")})
            return _json(known, error.status)
        except CognitoError as error:
            return _json({"error": error.code, "error_description": error.message}, 400)

    return call


def _pool_of(domain: str) -> UserPool:
    for regions in list(cognitoidp_backends.values()):
        for backend in list(regions.values()):
            if (found := backend.user_pool_domains.get(domain)) is not None:
                return pool_by_id(found.user_pool_id)
    raise OAuthError("not_found", f"No user pool has the domain {domain}; create a user pool domain.", status=404)


def address_of(request: Request, pool: UserPool) -> str:
    """Where this pool's hosted sign-in is found from outside."""
    return f"{request.host_url.rstrip('/')}{HOSTED_UI_PATH}/{pool.moto.domain.domain}"


# ---- authorize -------------------------------------------------------------------------------------------------------


def _asked(request: Request, pool: UserPool) -> tuple[AppClient, Federation]:
    """The client's request, checked against the app client's settings."""
    values = request.values
    client_id = values.get("client_id", "")
    if client_id not in pool.moto.clients:
        raise OAuthError("invalid_client_id", f"Client {client_id} does not exist.")
    client = pool.client(client_id)
    config = client.config
    redirect_uri = values.get("redirect_uri") or config.get("DefaultRedirectURI") or ""
    if redirect_uri not in (config.get("CallbackURLs") or ()):
        raise OAuthError("redirect_mismatch", f"{redirect_uri} is not in the CallbackURLs of client {client_id}.")

    def refuse(error: str, description: str) -> OAuthError:
        return OAuthError(error, description, redirect_uri=redirect_uri)

    flow = {"code": "code", "token": "implicit"}.get(values.get("response_type", ""))
    if not config.get("AllowedOAuthFlowsUserPoolClient") or flow not in (config.get("AllowedOAuthFlows") or ()):
        raise refuse("unauthorized_client", "The client does not allow this response_type.")
    allowed = config.get("AllowedOAuthScopes") or []
    scopes = tuple((values.get("scope") or " ".join(allowed)).split())
    if not set(scopes) <= set(allowed):
        raise refuse("invalid_scope", "The client does not allow these scopes.")
    if values.get("code_challenge") and values.get("code_challenge_method") != "S256":
        raise refuse("invalid_request", "code_challenge_method must be S256.")
    return client, Federation(
        provider_name=values.get("identity_provider") or "",
        client_id=client_id,
        redirect_uri=redirect_uri,
        response_type=values["response_type"],
        scopes=scopes,
        state=values.get("state"),
        code_challenge=values.get("code_challenge"),
        nonce=values.get("nonce"),
        provider_nonce=secrets.token_urlsafe(16),
    )


def authorize(request: Request, pool: UserPool) -> Response:
    client, asked = _asked(request, pool)
    supported = client.config.get("SupportedIdentityProviders") or []
    chosen = asked.provider_name or (supported[0] if len(supported) == 1 else "")
    if chosen and chosen not in supported:
        raise OAuthError("invalid_request", f"The client does not support {chosen}.", redirect_uri=asked.redirect_uri)
    if chosen and chosen != NATIVE:
        provider = federation.provider_of(pool, chosen)
        token = secrets.token_urlsafe(32)
        pool.state.federations[token] = Federation(
            **{name: getattr(asked, name) for name in Federation.__slots__ if name != "provider_name"},
            provider_name=chosen,
        )
        return Response(
            status=302,
            headers={"Location": provider.authorize_uri(callback_of(request, pool), token, asked.provider_nonce)},
        )
    return _redirect(f"{address_of(request, pool)}/login", dict(request.args.items()))


def callback_of(request: Request, pool: UserPool) -> str:
    """The redirect URI to register at the external provider."""
    return f"{address_of(request, pool)}/oauth2/idpresponse"


def idp_response(request: Request, pool: UserPool) -> Response:
    """The external provider sends the browser back."""
    asked = pool.state.federations.pop(request.values.get("state", ""), None)
    if asked is None:
        raise OAuthError("invalid_request", "The state is unknown or was used; start again at /oauth2/authorize.")
    if request.values.get("error"):
        raise _refused_by_provider(request, asked)
    call = UserPoolCall(pool, invoke, pool.client(asked.client_id))
    provider = federation.provider_of(pool, asked.provider_name)
    try:
        claims = provider.claims(request.values.get("code", ""), callback_of(request, pool), asked.provider_nonce)
        user = federation.federated_user(call, provider, claims)
    except (federation.ProviderError, CognitoError) as error:
        reason = error.message if isinstance(error, CognitoError) else str(error)
        failed = {"error": "invalid_request", "error_description": reason, "state": asked.state}
        return _redirect(asked.redirect_uri, failed)
    return _signed_in(call, asked, user)


def _refused_by_provider(request: Request, asked: Federation) -> OAuthError:
    return OAuthError(request.values["error"], request.values.get("error_description"), redirect_uri=asked.redirect_uri)


def _signed_in(call: UserPoolCall, asked: Federation, user: Any) -> Response:
    """Send the browser back to the client, with a code or with tokens."""
    if asked.response_type == "token":
        result = tokens.sign_in(call, user, "HostedAuth", scopes=asked.scopes, nonce=asked.nonce, refreshable=False)
        fragment = {
            "access_token": result["AccessToken"],
            "id_token": result.get("IdToken"),
            "token_type": "Bearer",
            "expires_in": str(result["ExpiresIn"]),
            "state": asked.state,
        }
        return _redirect(asked.redirect_uri, fragment, mark="#")
    code = secrets.token_urlsafe(32)
    call.pool.state.authorization_codes[code] = AuthorizationCode(
        client_id=asked.client_id,
        user_id=user.id,
        redirect_uri=asked.redirect_uri,
        scopes=asked.scopes,
        expires_at=time.time() + CODE_SECONDS,
        code_challenge=asked.code_challenge,
        nonce=asked.nonce,
    )
    return _redirect(asked.redirect_uri, {"code": code, "state": asked.state})


# ---- the form for the pool's own users -------------------------------------------------------------------------------


def login(request: Request, pool: UserPool) -> Response:
    client, asked = _asked(request, pool)
    if NATIVE not in (client.config.get("SupportedIdentityProviders") or [NATIVE]):
        raise OAuthError("invalid_request", f"The client does not support {NATIVE}.", redirect_uri=asked.redirect_uri)
    if request.method == "GET":
        return _form()
    call = UserPoolCall(pool, invoke, client)
    try:
        user = authentication.native_sign_in(call, request.form.get("username", ""), request.form.get("password", ""))
    except CognitoError as error:
        return _form(error.message)
    return _signed_in(call, asked, user)


def _form(problem: str = "") -> Response:
    page = f"""<!doctype html><html lang="en"><title>Sign in</title><h1>Sign in</h1>
<p role="alert">{html.escape(problem)}</p>
<form method="post"><label>Username <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Sign in</button></form></html>"""
    return Response(page, status=400 if problem else 200, mimetype="text/html")


def logout(request: Request, pool: UserPool) -> Response:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html"""
    client = pool.client(request.values.get("client_id", ""))
    target = request.values.get("logout_uri", "")
    if target not in (client.config.get("LogoutURLs") or ()):
        raise OAuthError("redirect_mismatch", f"{target} is not in the LogoutURLs of client {client.id}.")
    return _redirect(target, {})


def confirm_user(request: Request, pool: UserPool) -> Response:
    """The link of `CONFIRM_WITH_LINK`."""
    client = pool.client(request.values.get("client_id", ""))
    confirmation = {
        "Username": request.values.get("user_name", ""),
        "ConfirmationCode": request.values.get("confirmation_code", ""),
    }
    sign_up.confirm(UserPoolCall(pool, invoke, client), confirmation)
    return Response("<p>Your registration has been confirmed!</p>", mimetype="text/html")


# ---- token -----------------------------------------------------------------------------------------------------------


def _client_of(request: Request, pool: UserPool) -> AppClient:
    """The client, by HTTP Basic or in the body, with its secret where it has one."""
    authorization = request.headers.get("Authorization", "")
    client_id, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
    if authorization.startswith("Basic "):
        try:
            client_id, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        except ValueError:
            raise OAuthError("invalid_client") from None
    if client_id not in pool.moto.clients:
        raise OAuthError("invalid_client")
    client = pool.client(client_id)
    if client.secret is not None and not hmac.compare_digest(client.secret.encode(), secret.encode()):
        raise OAuthError("invalid_client")
    return client


def token(request: Request, pool: UserPool) -> Response:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html"""
    client = _client_of(request, pool)
    call = UserPoolCall(pool, invoke, client)
    match request.form.get("grant_type"):
        case "authorization_code":
            result = _by_code(call, request)
        case "refresh_token":
            try:
                result = authentication.refresh(
                    call, {"REFRESH_TOKEN": request.form.get("refresh_token", "")}, proven=True
                )
            except CognitoError as error:
                raise OAuthError("invalid_grant", error.message) from None
        case "client_credentials":
            result = _by_client(call, request)
        case _:
            raise OAuthError("unsupported_grant_type")
    body = {
        "id_token": result.get("IdToken"),
        "access_token": result["AccessToken"],
        "refresh_token": result.get("RefreshToken"),
        "expires_in": result["ExpiresIn"],
        "token_type": "Bearer",
    }
    return _json({name: value for name, value in body.items() if value is not None})


def _by_code(call: UserPoolCall, request: Request) -> dict[str, Any]:
    code = call.pool.state.authorization_codes.pop(request.form.get("code", ""), None)
    if code is None or code.client_id != call.app_client.id or code.expires_at <= time.time():
        raise OAuthError("invalid_grant")
    if code.redirect_uri != request.form.get("redirect_uri"):
        raise OAuthError("invalid_grant")
    if code.code_challenge is not None:
        digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.code_challenge:
            raise OAuthError("invalid_grant")
    user = call.pool.find_user(code.user_id)
    if user is None or not user.enabled:
        raise OAuthError("invalid_grant")
    return tokens.sign_in(call, user, "HostedAuth", scopes=code.scopes, nonce=code.nonce)


def _by_client(call: UserPoolCall, request: Request) -> dict[str, Any]:
    config = call.app_client.config
    if call.app_client.secret is None or "client_credentials" not in (config.get("AllowedOAuthFlows") or ()):
        raise OAuthError("unauthorized_client")
    allowed = [s for s in config.get("AllowedOAuthScopes") or () if s not in _OPENID_SCOPES]
    scopes = (request.form.get("scope") or " ".join(allowed)).split()
    known = {
        f"{s.identifier}/{scope['ScopeName']}"
        for s in call.pool.moto.resource_servers.values()
        for scope in s.scopes or () or ()
    }
    if not set(scopes) <= set(allowed) & known:
        raise OAuthError("invalid_scope")
    triggers = (call.pool.config.get("LambdaConfig") or {}).get("PreTokenGenerationConfig") or {}
    if triggers.get("LambdaVersion") == "V3_0":
        raise OAuthError("server_error", "PreTokenGeneration V3_0 of client credentials is not emulated.", status=501)
    return tokens.client_credentials(call, scopes)


def user_info(request: Request, pool: UserPool) -> Response:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        call, user, scopes = account.signed_in_with(bearer, invoke, required_scope="openid")
    except CognitoError as error:
        body = {"error": "invalid_token", "error_description": error.message}
        return Response(
            json.dumps(body), 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, mimetype="application/json"
        )
    if call.pool.id != pool.id:
        raise OAuthError("invalid_token", status=401)
    claims = tokens.attribute_claims(call, user, scopes)
    # The endpoint gives strings where the ID token has booleans.
    shown = {n: ("true" if is_true(v) else "false") if isinstance(v, bool) else v for n, v in claims.items()}
    return _json({"sub": user.id, "username": user.username, **shown})


def revoke(request: Request, pool: UserPool) -> Response:
    client = _client_of(request, pool)
    grant = pool.state.grants.get(request.form.get("token", ""))
    if grant is None:
        return _json({"error": "unsupported_token_type"}, 400) if "." in request.form.get("token", "") else _json({})
    if grant.client_id != client.id:
        raise OAuthError("invalid_client")
    tokens.revoke(pool, grant)
    return Response(status=200)


def install() -> None:
    base = f"{HOSTED_UI_PATH}/<domain>"
    for path, methods, endpoint in (
        ("/oauth2/authorize", ["GET"], authorize),
        ("/oauth2/idpresponse", ["GET", "POST"], idp_response),
        ("/oauth2/token", ["POST"], token),
        ("/oauth2/userInfo", ["GET", "POST"], user_info),
        ("/oauth2/revoke", ["POST"], revoke),
        ("/login", ["GET", "POST"], login),
        ("/logout", ["GET"], logout),
        ("/confirmUser", ["GET"], confirm_user),
    ):
        ROUTER.add(base + path, _answers(endpoint), methods=methods)
