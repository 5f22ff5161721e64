"""Resource servers and the domain of a pool: what moto does not have of them.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
"""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto
from moto.cognitoidp.models import cognitoidp_backends

from harness.emulator.cognito import unserved
from harness.emulator.cognito.errors import invalid_parameter, not_found
from harness.emulator.cognito.triggers import UserPoolCall

Request = dict[str, Any]


def _of(call: UserPoolCall, identifier: str) -> Any:
    server = call.pool.moto.resource_servers.get(identifier)
    if server is None:
        raise not_found(f"Resource server {identifier} does not exist.")
    return server


def update_resource_server(call: UserPoolCall, request: Request) -> dict[str, Any]:
    """Scopes that the request does not name are removed."""
    server = _of(call, request["Identifier"])
    server.name = request["Name"]
    server.scopes = request.get("Scopes") or []
    return {"ResourceServer": server.to_json()}


def delete_resource_server(call: UserPoolCall, request: Request) -> dict[str, Any]:
    _of(call, request["Identifier"])
    del call.pool.moto.resource_servers[request["Identifier"]]
    return {}


def create_user_pool_domain(context: RequestContext, request: Request) -> Any:
    """A domain belongs to one pool of the region, whichever account that is in; and a pool has one domain."""
    unserved.check(unserved.DOMAIN, request, f"Domain {request['Domain']}")
    for regions in list(cognitoidp_backends.values()):
        if request["Domain"] in regions[context.region].user_pool_domains:
            raise invalid_parameter("Domain already associated with another user pool.")
    return call_moto(context)
