"""The errors of the control plane and of `@connections`
(https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html)."""

from localstack.aws.api import CommonServiceException


def bad_request(message: str) -> CommonServiceException:
    return CommonServiceException("BadRequestException", message, status_code=400, sender_fault=True)


def conflict(message: str) -> CommonServiceException:
    return CommonServiceException("ConflictException", message, status_code=409, sender_fault=True)


def not_found(kind: str, identifier: str) -> CommonServiceException:
    return CommonServiceException(
        "NotFoundException",
        f"Unable to find {kind} by ID {identifier} within the scope of API",
        status_code=404,
        sender_fault=True,
    )


def no_api(api_id: str) -> CommonServiceException:
    return CommonServiceException(
        "NotFoundException", f"Invalid API identifier specified {api_id}", status_code=404, sender_fault=True
    )


def not_served(what: str, instead: str) -> CommonServiceException:
    """What AWS has and the emulator has not: said, never passed over."""
    return bad_request(f"The emulator does not serve {what}: {instead}")
