"""What moto's own CreateUserPool, UpdateUserPool and CreateUserPoolClient leave out.

Moto keeps only the attributes of a schema that has any, drops `MfaConfiguration` on update, and takes settings that
nothing here could follow.
"""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto
from moto.cognitoidp.models import CognitoIdpUserPoolAttribute

from harness.emulator.cognito.errors import CognitoError, invalid_parameter
from harness.emulator.cognito.user_pool import UserPool, pool_by_id

Request = dict[str, Any]


def create_user_pool(context: RequestContext, request: Request) -> Any:
    _check(request)
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
    _check(request)
    pool = pool_by_id(request["UserPoolId"])
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
    if request.get("MfaConfiguration"):
        pool.moto.mfa_config = request["MfaConfiguration"]
    return answer


def _check(request: Request) -> None:
    triggers = request.get("LambdaConfig") or {}
    senders = [name for name in ("CustomEmailSender", "CustomSMSSender") if triggers.get(name)]
    if senders:
        raise CognitoError(
            "InternalErrorException",
            f"LambdaConfig.{senders[0]} is not emulated; use the CustomMessage trigger and read the outbox.",
            501,
        )
    if request.get("UsernameAttributes") and request.get("AliasAttributes"):
        raise invalid_parameter("Only one of the aliasAttributes or usernameAttributes can be set in a user pool.")
    one = triggers.get("PreTokenGeneration")
    other = (triggers.get("PreTokenGenerationConfig") or {}).get("LambdaArn")
    if one and other and one != other:
        raise invalid_parameter(
            "PreTokenGeneration and PreTokenGenerationConfig.LambdaArn name different functions; give the same in both."
        )
