"""The services `cognito-idp` and `cognito-identity` as LocalStack plugins.

The tables list the operations that are served here; moto serves the rest.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.plugins import Service, aws_provider

from harness.emulator.cognito import (
    account,
    administration,
    app_clients,
    authentication,
    challenges,
    identity_pools,
    linking,
    listing,
    mfa,
    pools,
    recovery,
    resource_servers,
    sign_up,
)
from harness.emulator.cognito.lambda_invoker import Invoke, invoke
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import client_by_id, find_users_as_we_do, pool_by_id
from harness.emulator.moto.services import Handler, moto_service

Request = dict[str, Any]
OfCall = Callable[[UserPoolCall, Request], dict[str, Any]]
OfAccount = Callable[[UserPoolCall, Any, Request], dict[str, Any]]


def _by_client(operation: OfCall, run: Invoke) -> Handler:
    """Operations without credentials, which name an app client."""

    def handle(_context: RequestContext, request: Request) -> Any:
        client = client_by_id(request["ClientId"])
        return operation(UserPoolCall(client.pool, run, client, request.get("ClientMetadata")), request)

    return handle


def _by_pool(operation: OfCall, run: Invoke) -> Handler:
    """The administrator's operations, which name a pool and some of them a client."""

    def handle(_context: RequestContext, request: Request) -> Any:
        pool = pool_by_id(request["UserPoolId"])
        client = pool.client(request["ClientId"]) if request.get("ClientId") else None
        return operation(UserPoolCall(pool, run, client, request.get("ClientMetadata")), request)

    return handle


def _by_access_token(operation: OfAccount, run: Invoke) -> Handler:
    def handle(_context: RequestContext, request: Request) -> Any:
        call, user = account.signed_in(request["AccessToken"], run, request.get("ClientMetadata"))
        return operation(call, user, request)

    return handle


def user_pool_operations(run: Invoke) -> dict[str, Handler]:
    """Our operations of `cognito-idp`; triggers are run by `run`."""
    by_client: dict[str, OfCall] = {
        "SignUp": sign_up.sign_up,
        "ConfirmSignUp": sign_up.confirm_sign_up,
        "ResendConfirmationCode": sign_up.resend_confirmation_code,
        "ForgotPassword": recovery.forgot_password,
        "ConfirmForgotPassword": recovery.confirm_forgot_password,
        "InitiateAuth": authentication.initiate_auth,
        "RespondToAuthChallenge": challenges.respond,
        "GetTokensFromRefreshToken": authentication.get_tokens_from_refresh_token,
        "RevokeToken": lambda call, request: account.revoke_token(call.app_client, request),
    }
    by_pool: dict[str, OfCall] = {
        "AdminAddUserToGroup": listing.admin_add_user_to_group,
        "AdminConfirmSignUp": sign_up.admin_confirm_sign_up,
        "AdminCreateUser": administration.admin_create_user,
        "AdminDeleteUser": administration.admin_delete_user,
        "AdminDeleteUserAttributes": administration.admin_delete_user_attributes,
        "AdminDisableUser": lambda call, request: administration.admin_set_enabled(call, request, enabled=False),
        "AdminDisableProviderForUser": linking.admin_disable_provider_for_user,
        "AdminLinkProviderForUser": linking.admin_link_provider_for_user,
        "AdminEnableUser": lambda call, request: administration.admin_set_enabled(call, request, enabled=True),
        "AdminGetUser": administration.admin_get_user,
        "AdminInitiateAuth": lambda call, request: authentication.initiate_auth(call, request, admin=True),
        "AdminListGroupsForUser": listing.admin_list_groups_for_user,
        "AdminRemoveUserFromGroup": listing.admin_remove_user_from_group,
        "AdminResetUserPassword": recovery.admin_reset_user_password,
        "AdminRespondToAuthChallenge": challenges.respond,
        "AdminSetUserMFAPreference": lambda call, r: mfa.set_preference(call, call.pool.user(r["Username"]), r),
        "AdminSetUserPassword": administration.admin_set_user_password,
        "AdminUpdateUserAttributes": administration.admin_update_user_attributes,
        "AdminUserGlobalSignOut": administration.admin_user_global_sign_out,
        "DeleteResourceServer": resource_servers.delete_resource_server,
        "ListUsers": listing.list_users,
        "ListUsersInGroup": listing.list_users_in_group,
        "UpdateResourceServer": resource_servers.update_resource_server,
    }
    by_access_token: dict[str, OfAccount] = {
        "ChangePassword": account.change_password,
        "DeleteUser": account.delete_user,
        "DeleteUserAttributes": account.delete_user_attributes,
        "GetUser": account.get_user,
        "GetUserAttributeVerificationCode": account.get_user_attribute_verification_code,
        "GlobalSignOut": account.global_sign_out,
        "SetUserMFAPreference": account.set_user_mfa_preference,
        "UpdateUserAttributes": account.update_user_attributes,
        "VerifyUserAttribute": account.verify_user_attribute,
    }
    return {
        **{name: _by_client(operation, run) for name, operation in by_client.items()},
        **{name: _by_pool(operation, run) for name, operation in by_pool.items()},
        **{name: _by_access_token(operation, run) for name, operation in by_access_token.items()},
        "AssociateSoftwareToken": lambda _context, request: account.associate_software_token(request, run),
        "VerifySoftwareToken": lambda _context, request: account.verify_software_token(request, run),
        "CreateIdentityProvider": pools.create_identity_provider,
        "CreateUserPool": pools.create_user_pool,
        "CreateUserPoolClient": app_clients.create_user_pool_client,
        "CreateUserPoolDomain": resource_servers.create_user_pool_domain,
        "DeleteUserPool": pools.delete_user_pool,
        "SetUserPoolMfaConfig": pools.set_user_pool_mfa_config,
        "UpdateUserPool": pools.update_user_pool,
        "UpdateUserPoolClient": app_clients.update_user_pool_client,
    }


@aws_provider(api="cognito-idp")
def cognito_idp() -> Service:
    find_users_as_we_do()
    pools.share_motos_key()
    return moto_service("cognito-idp", user_pool_operations(invoke))


@aws_provider(api="cognito-identity")
def cognito_identity() -> Service:
    return moto_service("cognito-identity", identity_pools.operations())
