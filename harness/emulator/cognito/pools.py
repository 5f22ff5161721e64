"""What moto's CreateUserPool, UpdateUserPool and CreateUserPoolClient ignore.

Moto keeps only the attributes of a schema that has any, drops `MfaConfiguration` on update, and takes settings that
nothing here could follow.
"""

from functools import cache
from types import SimpleNamespace
from typing import Any

from joserfc import jwk
from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto
from moto.cognitoidp import models
from moto.cognitoidp.models import CognitoIdpUserPoolAttribute
from moto.utilities.utils import load_resource

from harness.emulator.cognito import unserved
from harness.emulator.cognito.errors import invalid_parameter
from harness.emulator.cognito.user_pool import UserPool, pool_by_id
from harness.emulator.patches import replaced

Request = dict[str, Any]


def share_motos_key() -> None:
    """Moto reads its one key again for every pool and computes its primes, which takes 0.1 s."""

    @cache
    def key() -> jwk.RSAKey:
        return jwk.RSAKey.import_key(load_resource(models.__name__, "resources/jwks-private.json"))

    replaced(
        models,
        "jwk",
        SimpleNamespace(RSAKey=SimpleNamespace(import_key=lambda _file: key())),
        because="a user pool's keys are made here; moto reads one key for all pools from a file",
        source="https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html",
    )


def create_user_pool(context: RequestContext, request: Request) -> Any:
    _check(request, f"User pool {request['PoolName']}")
    created = call_moto(context)
    pool = pool_by_id(created["UserPool"]["Id"])
    standard = CognitoIdpUserPoolAttribute.STANDARD_SCHEMA
    # Standard attributes come first and are always there
    # (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html).
    own = pool.moto.schema_attributes
    pool.moto.schema_attributes = {
        **{
            name: own.get(name) or CognitoIdpUserPoolAttribute(name, False, schema) for name, schema in standard.items()
        },
        **own,
    }
    _complete_schema(pool, request)
    return {"UserPool": {**created["UserPool"], "SchemaAttributes": _schema(pool)}}


def _complete_schema(pool: UserPool, request: Request) -> None:
    """`MfaConfiguration: ON` with an SMS configuration means codes by text message, without SetUserPoolMfaConfig."""
    if request.get("SmsConfiguration") and pool.moto.sms_mfa_config is None and pool.moto.mfa_config != "OFF":
        pool.moto.sms_mfa_config = {"SmsConfiguration": request["SmsConfiguration"]}


def _schema(pool: UserPool) -> list[dict[str, Any]]:
    described = [attribute.to_json() for attribute in pool.moto.schema_attributes.values()]
    return [{k: v for k, v in attribute.items() if v is not None} for attribute in described]


def update_user_pool(context: RequestContext, request: Request) -> Any:
    pool = pool_by_id(request["UserPoolId"])
    _check(request, f"User pool {pool.id}")
    # Set at creation and never again; moto would forget them, for its update replaces the whole configuration.
    kept: dict[str, Any] = {
        name: pool.config[name]
        for name in ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration", "PoolName")
        if name in pool.config
    }
    answer = call_moto(context)
    pool.config.update(kept)
    pool.config.pop("UserPoolId", None)
    if request.get("PoolName"):
        pool.moto.name = request["PoolName"]
    # What an update does not name takes its default again
    # (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html).
    pool.moto.mfa_config = request.get("MfaConfiguration") or "OFF"
    return answer


def delete_user_pool(context: RequestContext, request: Request) -> Any:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html"""
    pool = pool_by_id(request["UserPoolId"])
    if pool.config.get("DeletionProtection") == "ACTIVE":
        raise invalid_parameter(
            "The user pool cannot be deleted because deletion protection is activated. "
            "Deletion protection must be inactivated first."
        )
    if pool.moto.domain:
        raise invalid_parameter("User pool cannot be deleted. It has a domain configured that should be deleted first.")
    return call_moto(context)


def set_user_pool_mfa_config(context: RequestContext, request: Request) -> Any:
    unserved.check(unserved.MFA_CONFIG, request, f"User pool {request['UserPoolId']}")
    return call_moto(context)


def create_identity_provider(context: RequestContext, request: Request) -> Any:
    unserved.check(unserved.IDENTITY_PROVIDER, request, f"Identity provider {request['ProviderName']}")
    return call_moto(context)


def _check(request: Request, resource: str) -> None:
    unserved.check(unserved.USER_POOL, request, resource)
    triggers = request.get("LambdaConfig") or {}
    if request.get("UsernameAttributes") and request.get("AliasAttributes"):
        raise invalid_parameter("Only one of the aliasAttributes or usernameAttributes can be set in a user pool.")
    one = triggers.get("PreTokenGeneration")
    other = (triggers.get("PreTokenGenerationConfig") or {}).get("LambdaArn")
    if one and other and one != other:
        raise invalid_parameter(
            "PreTokenGeneration and PreTokenGenerationConfig.LambdaArn name different functions; give the same in both."
        )
