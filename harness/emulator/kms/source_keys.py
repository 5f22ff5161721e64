"""ReEncrypt without SourceKeyId: a symmetric ciphertext names its key; LocalStack 4.14.0 fails without the member.

https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html#KMS-ReEncrypt-request-SourceKeyId
"""

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.api.kms import InvalidCiphertextException
from localstack.aws.chain import HandlerChain
from localstack.http import Response

from harness.emulator.patches import inserted


def name_the_source_key(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler."""
    if context.operation is None or context.operation.name != "ReEncrypt" or context.service is None:
        return
    request = context.service_request
    if context.service.service_name != "kms" or request is None or request.get("SourceKeyId"):
        return
    from localstack.services.kms.models import deserialize_ciphertext_blob  # loads with the service, not at boot

    try:
        request["SourceKeyId"] = deserialize_ciphertext_blob(request.get("CiphertextBlob")).key_id
    except Exception as error:  # whatever the bytes are, they are none of KMS
        raise InvalidCiphertextException from error


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        name_the_source_key,
        because="ReEncrypt fails without SourceKeyId",
        source="https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html#KMS-ReEncrypt-request-SourceKeyId",
    )
