"""A refusal as the exception that LocalStack puts into the form of the service's protocol."""

from functools import cache

from localstack.aws.api import CommonServiceException

from harness.emulator.validation.messages import RequestRefusal


@cache
def _class_of(code: str) -> type[CommonServiceException]:
    """Services that speak JSON in addition to the older forms (SQS, CloudWatch) take the name of the class for the code."""
    return type(code, (CommonServiceException,), {})


def exception_of(refusal: RequestRefusal) -> CommonServiceException:
    return _class_of(refusal.code)(refusal.code, refusal.message, status_code=refusal.status, sender_fault=True)
