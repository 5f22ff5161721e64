"""Errors of Cognito's APIs: a code of the service model, AWS's message, status 400."""

from localstack.aws.api import CommonServiceException


class CognitoError(CommonServiceException):
    """A refusal that the client sees under its AWS name, such as `NotAuthorizedException`."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(code, message, status_code=status, sender_fault=status < 500)


def not_authorized(message: str) -> CognitoError:
    return CognitoError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> CognitoError:
    return CognitoError("InvalidParameterException", message)


def not_found(message: str) -> CognitoError:
    return CognitoError("ResourceNotFoundException", message)


def user_not_found(message: str = "User does not exist.") -> CognitoError:
    return CognitoError("UserNotFoundException", message)


def incorrect_username_or_password() -> CognitoError:
    return not_authorized("Incorrect username or password.")
