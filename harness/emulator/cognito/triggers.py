"""Lambda triggers of a user pool: their events, and how their results are applied.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
"""

from dataclasses import dataclass
from typing import Any

from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.lambda_invoker import FunctionFailed, InvocationFailed, Invoke
from harness.emulator.cognito.user_pool import AppClient, UserPool, status_of

NO_CLIENT = "CLIENT_ID_NOT_APPLICABLE"
"""`callerContext.clientId` where an administrator calls and no app client takes part."""


@dataclass(frozen=True)
class UserPoolCall:
    """One API call: on which pool, through which app client, with what metadata for the triggers."""

    pool: UserPool
    invoke: Invoke
    client: AppClient | None = None
    client_metadata: dict[str, str] | None = None

    @property
    def app_client(self) -> AppClient:
        if self.client is None:
            raise TypeError("this call names no app client")
        return self.client


def _configured(pool: UserPool, trigger: str) -> tuple[str, str] | None:
    """ARN of the trigger's function and the version of its event; None when there is none."""
    config = pool.config.get("LambdaConfig") or {}
    if trigger == "PreTokenGeneration" and (versioned := config.get("PreTokenGenerationConfig")):
        return versioned["LambdaArn"], versioned["LambdaVersion"].removeprefix("V").split("_")[0]
    return (config[trigger], "1") if config.get(trigger) else None


def is_configured(pool: UserPool, trigger: str) -> bool:
    return _configured(pool, trigger) is not None


def run(
    call: UserPoolCall,
    trigger: str,
    source: str,
    username: str | None,
    request: dict[str, Any],
    response: dict[str, Any],
) -> dict[str, Any] | None:
    """Run a trigger, such as `("PreSignUp", "PreSignUp_SignUp")`; returns its response, None when it is not configured.

    `response` is the response object that the function is handed to fill in. Raises UserLambdaValidationException when
    the function raises, UnexpectedLambdaException when it cannot be run or is too slow, and
    InvalidLambdaResponseException when it returns anything but the event.
    """
    configured = _configured(call.pool, trigger)
    if configured is None:
        return None
    function_arn, version = configured
    event = {
        "version": version,
        "triggerSource": source,
        "region": call.pool.region,
        "userPoolId": call.pool.id,
        "userName": username,
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": call.client.id if call.client else NO_CLIENT,
        },
        "request": request,
        "response": response,
    }
    try:
        result = call.invoke(function_arn, event, call.pool.arn)
    except FunctionFailed as failure:
        raise CognitoError("UserLambdaValidationException", f"{trigger} failed with error {failure}.") from failure
    except InvocationFailed as failure:
        raise CognitoError(
            "UnexpectedLambdaException", f"{trigger} invocation failed due to error {failure}."
        ) from failure
    if not isinstance(result, dict) or not isinstance(result.get("response"), dict):
        raise invalid_response()
    answer: dict[str, Any] = result["response"]
    return answer


def invalid_response() -> CognitoError:
    return CognitoError("InvalidLambdaResponseException", "Unrecognizable lambda output")


def flag(response: dict[str, Any], name: str) -> bool:
    """A boolean that a function may leave out or null, and must not answer as anything else."""
    value = response.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_response()
    return bool(value)


def text(response: dict[str, Any], name: str) -> str | None:
    value = response.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid_response()
    return value or None


def user_attributes(user: Any) -> dict[str, str]:
    """`userAttributes` of a user who exists: the attributes, as strings, and the status."""
    return {
        "sub": user.id,
        "cognito:user_status": status_of(user),
        **{name: str(value) for name, value in user.attribute_lookup.items() if name != "sub"},
    }


def of_possible_user(call: UserPoolCall, user: Any | None, **members: Any) -> dict[str, Any]:
    """A request about a user who may not exist; the trigger learns it even if the client hides it from end users.

    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
    """
    request = {"userAttributes": user_attributes(user) if user is not None else {}, **members}
    return {**request, "userNotFound": user is None} if call.app_client.hides_whether_users_exist else request


def with_metadata(request: dict[str, Any], metadata: dict[str, str] | None) -> dict[str, Any]:
    """Cognito leaves `clientMetadata` out of the event when the caller sent none."""
    return {**request, "clientMetadata": metadata} if metadata else request
