"""S3's errors for wrong signatures. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

from localstack.aws.api import ServiceException
from localstack.aws.api.s3 import SignatureDoesNotMatch
from localstack.services.s3.constants import S3_HOST_ID


class S3ServiceError(ServiceException):
    """An error of S3 that LocalStack's model does not have."""

    sender_fault = True

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status_code = code, status


def signature_does_not_match(
    access_key: str, provided: str, string_to_sign: str, canonical_request: str | None = None
) -> SignatureDoesNotMatch:
    error = SignatureDoesNotMatch(
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )
    error.AWSAccessKeyId, error.HostId = access_key, S3_HOST_ID
    error.SignatureProvided, error.StringToSign = provided, string_to_sign
    error.StringToSignBytes = _bytes_of(string_to_sign)
    if canonical_request is not None:
        error.CanonicalRequest, error.CanonicalRequestBytes = canonical_request, _bytes_of(canonical_request)
    return error


def header_malformed(why: str) -> S3ServiceError:
    return S3ServiceError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {why}", 400)


def invalid_token() -> S3ServiceError:
    return S3ServiceError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)


def time_too_skewed() -> S3ServiceError:
    said = "The difference between the request time and the current time is too large."
    return S3ServiceError("RequestTimeTooSkewed", said, 403)


def _bytes_of(text: str) -> str:
    return text.encode().hex(sep=" ").upper()
