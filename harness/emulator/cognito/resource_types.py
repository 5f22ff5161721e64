"""The resource types of Cognito.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Cognito.html
"""

import uuid
from typing import Any

from harness.emulator.cloudformation.parameters import PropertyError
from harness.emulator.cloudformation.provider import plugin_of
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType

_POOL = {"UserPoolId": "UserPoolId"}


def _set_mfa_and_schema(client: Any, before: Model | None, after: Model) -> None:
    if after.get("EnabledMfas") != (before or {}).get("EnabledMfas"):
        _set_enabled_mfas(client, after)
    if before is not None:
        _add_custom_attributes(client, before, after)


def _set_enabled_mfas(client: Any, after: Model) -> None:
    enabled = set(after.get("EnabledMfas") or ())
    if unknown := sorted(enabled - {"SMS_MFA", "SOFTWARE_TOKEN_MFA"}):
        raise PropertyError(f"EnabledMfas: {', '.join(unknown)} is not served here; use SMS_MFA or SOFTWARE_TOKEN_MFA")
    parameters: Model = {"SoftwareTokenMfaConfiguration": {"Enabled": "SOFTWARE_TOKEN_MFA" in enabled}}
    if "SMS_MFA" in enabled:
        if not after.get("SmsConfiguration"):
            raise PropertyError("EnabledMfas: SMS_MFA needs the property SmsConfiguration")
        parameters["SmsMfaConfiguration"] = {"SmsConfiguration": after["SmsConfiguration"]}
    client.set_user_pool_mfa_config(
        UserPoolId=after["UserPoolId"], MfaConfiguration=after.get("MfaConfiguration", "OFF"), **parameters
    )


def _add_custom_attributes(client: Any, before: Model, after: Model) -> None:
    """Attributes can be added to a pool's schema, and neither changed nor removed.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
    """
    old = {a["Name"]: a for a in before.get("Schema") or ()}
    new = {a["Name"]: a for a in after.get("Schema") or ()}
    if any(new.get(name) != attribute for name, attribute in old.items()):
        raise PropertyError("Schema: Existing schema attributes cannot be modified or deleted.")
    if added := [attribute for name, attribute in new.items() if name not in old]:
        client.add_custom_attributes(UserPoolId=after["UserPoolId"], CustomAttributes=added)


def _user_pool_provider(model: Model, _account_id: str, region: str) -> Model:
    name = f"cognito-idp.{region}.amazonaws.com/{model['UserPoolId']}"
    return {**model, "ProviderName": name, "ProviderURL": f"https://{name}"}


def _with_id(model: Model, _account_id: str, _region: str) -> Model:
    return {**model, "Id": str(uuid.uuid4())}


def _identity_pool(model: Model) -> Model:
    if isinstance(model.get("IdentityPoolTags"), list):
        model["IdentityPoolTags"] = {tag["Key"]: tag["Value"] for tag in model["IdentityPoolTags"]}
    return model


def _role_mappings(model: Model) -> Model:
    """A template may name a mapping freely and say the provider in it; the API has the provider as the key."""
    mappings = model.get("RoleMappings")
    if isinstance(mappings, dict):
        model["RoleMappings"] = {
            mapping.get("IdentityProvider", key): {k: v for k, v in mapping.items() if k != "IdentityProvider"}
            for key, mapping in mappings.items()
        }
    return {**model, "Roles": model.get("Roles") or {}}


USER_POOL = ResourceType(
    name="AWS::Cognito::UserPool",
    service="cognito-idp",
    create=ResourceOperation("CreateUserPool"),
    update=ResourceOperation("UpdateUserPool", _POOL),
    delete=ResourceOperation("DeleteUserPool", _POOL),
    ref="UserPoolId",
    attributes={"UserPoolId": "UserPool.Id", "Arn": "UserPool.Arn"},
    completed=frozenset({"ProviderName", "ProviderURL"}),
    complete=_user_pool_provider,
    renames={"UserPoolName": "PoolName"},
    generated_name="UserPoolName",
    extra=frozenset({"EnabledMfas"}),
    finish_updates=frozenset({"Schema"}),
    finish=_set_mfa_and_schema,
)

USER_POOL_CLIENT = ResourceType(
    name="AWS::Cognito::UserPoolClient",
    service="cognito-idp",
    create=ResourceOperation("CreateUserPoolClient"),
    update=ResourceOperation("UpdateUserPoolClient", {**_POOL, "ClientId": "ClientId"}),
    delete=ResourceOperation("DeleteUserPoolClient", {**_POOL, "ClientId": "ClientId"}),
    ref="ClientId",
    attributes={
        "ClientId": "UserPoolClient.ClientId",
        "ClientSecret": "UserPoolClient.ClientSecret",
        "Name": "UserPoolClient.ClientName",
    },
    generated_name="ClientName",
    replaced_by=frozenset({"GenerateSecret", "UserPoolId"}),
)

USER_POOL_GROUP = ResourceType(
    name="AWS::Cognito::UserPoolGroup",
    service="cognito-idp",
    create=ResourceOperation("CreateGroup"),
    update=ResourceOperation("UpdateGroup", {**_POOL, "GroupName": "GroupName"}),
    delete=ResourceOperation("DeleteGroup", {**_POOL, "GroupName": "GroupName"}),
    ref="GroupName",
    generated_name="GroupName",
    replaced_by=frozenset({"GroupName", "UserPoolId"}),
)

USER_POOL_USER = ResourceType(
    name="AWS::Cognito::UserPoolUser",
    service="cognito-idp",
    create=ResourceOperation("AdminCreateUser"),
    delete=ResourceOperation("AdminDeleteUser", {**_POOL, "Username": "Username"}),
    ref="Username",
    generated_name="Username",
    replaced_by=frozenset(
        {
            "ClientMetadata",
            "DesiredDeliveryMediums",
            "ForceAliasCreation",
            "MessageAction",
            "UserAttributes",
            "UserPoolId",
            "Username",
            "ValidationData",
        }
    ),
)

USER_TO_GROUP = ResourceType(
    name="AWS::Cognito::UserPoolUserToGroupAttachment",
    service="cognito-idp",
    create=ResourceOperation("AdminAddUserToGroup"),
    delete=ResourceOperation("AdminRemoveUserFromGroup", {**_POOL, "GroupName": "GroupName", "Username": "Username"}),
    ref="Id",
    completed=frozenset({"Id"}),
    complete=_with_id,
    replaced_by=frozenset({"GroupName", "UserPoolId", "Username"}),
)

USER_POOL_DOMAIN = ResourceType(
    name="AWS::Cognito::UserPoolDomain",
    service="cognito-idp",
    create=ResourceOperation("CreateUserPoolDomain"),
    update=ResourceOperation("UpdateUserPoolDomain", {**_POOL, "Domain": "Domain"}),
    delete=ResourceOperation("DeleteUserPoolDomain", {**_POOL, "Domain": "Domain"}),
    ref="Domain",
    attributes={"CloudFrontDistribution": "CloudFrontDomain"},
    replaced_by=frozenset({"Domain", "UserPoolId"}),
)

USER_POOL_IDENTITY_PROVIDER = ResourceType(
    name="AWS::Cognito::UserPoolIdentityProvider",
    service="cognito-idp",
    create=ResourceOperation("CreateIdentityProvider"),
    update=ResourceOperation("UpdateIdentityProvider", {**_POOL, "ProviderName": "ProviderName"}),
    delete=ResourceOperation("DeleteIdentityProvider", {**_POOL, "ProviderName": "ProviderName"}),
    ref="ProviderName",
    replaced_by=frozenset({"ProviderName", "ProviderType", "UserPoolId"}),
)

USER_POOL_RESOURCE_SERVER = ResourceType(
    name="AWS::Cognito::UserPoolResourceServer",
    service="cognito-idp",
    create=ResourceOperation("CreateResourceServer"),
    update=ResourceOperation("UpdateResourceServer", {**_POOL, "Identifier": "Identifier"}),
    delete=ResourceOperation("DeleteResourceServer", {**_POOL, "Identifier": "Identifier"}),
    ref="Identifier",
    replaced_by=frozenset({"Identifier", "UserPoolId"}),
)

IDENTITY_POOL = ResourceType(
    name="AWS::Cognito::IdentityPool",
    service="cognito-identity",
    create=ResourceOperation("CreateIdentityPool"),
    update=ResourceOperation("UpdateIdentityPool", {"IdentityPoolId": "Id"}),
    delete=ResourceOperation("DeleteIdentityPool", {"IdentityPoolId": "Id"}),
    ref="Id",
    attributes={"Id": "IdentityPoolId", "Name": "IdentityPoolName"},
    generated_name="IdentityPoolName",
    reshape=_identity_pool,
)

IDENTITY_POOL_ROLE_ATTACHMENT = ResourceType(
    name="AWS::Cognito::IdentityPoolRoleAttachment",
    service="cognito-identity",
    create=ResourceOperation("SetIdentityPoolRoles"),
    update=ResourceOperation("SetIdentityPoolRoles", {"IdentityPoolId": "IdentityPoolId"}),
    delete=ResourceOperation("SetIdentityPoolRoles", {"IdentityPoolId": "IdentityPoolId"}, constants={"Roles": {}}),
    ref="Id",
    completed=frozenset({"Id"}),
    complete=_with_id,
    replaced_by=frozenset({"IdentityPoolId"}),
    reshape=_role_mappings,
)

identity_pool = plugin_of(IDENTITY_POOL)
identity_pool_role_attachment = plugin_of(IDENTITY_POOL_ROLE_ATTACHMENT)
user_pool = plugin_of(USER_POOL)
user_pool_client = plugin_of(USER_POOL_CLIENT)
user_pool_domain = plugin_of(USER_POOL_DOMAIN)
user_pool_group = plugin_of(USER_POOL_GROUP)
user_pool_identity_provider = plugin_of(USER_POOL_IDENTITY_PROVIDER)
user_pool_resource_server = plugin_of(USER_POOL_RESOURCE_SERVER)
user_pool_user = plugin_of(USER_POOL_USER)
user_to_group = plugin_of(USER_TO_GROUP)
