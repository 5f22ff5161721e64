"""What moto's CreateUserPoolClient and UpdateUserPoolClient ignore."""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto
from moto.cognitoidp.models import CognitoIdpUserPoolClient

from harness.emulator.cognito import unserved
from harness.emulator.cognito.user_pool import pool_by_id

Request = dict[str, Any]
_NOT_SETTINGS = ("UserPoolId", "ClientId")


def create_user_pool_client(context: RequestContext, request: Request) -> Any:
    unserved.check(unserved.USER_POOL_CLIENT, request, f"App client {request['ClientName']}")
    return call_moto(context)


def update_user_pool_client(_context: RequestContext, request: Request) -> Any:
    """What the request does not name takes its default again; moto would leave it as it is.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html
    """
    pool = pool_by_id(request["UserPoolId"])
    client = pool.client(request["ClientId"])
    unserved.check(unserved.USER_POOL_CLIENT, request, f"App client {client.id}")
    given = {name: value for name, value in request.items() if name not in _NOT_SETTINGS}
    given.setdefault("ClientName", client.config.get("ClientName"))
    client.moto.extended_config = CognitoIdpUserPoolClient(pool.id, False, given).extended_config
    return {"UserPoolClient": client.moto.to_json(extended=True)}
