"""LocalStack's settings, the same for the engine without Docker and for the Docker image.

The names are LocalStack's (https://docs.localstack.cloud/references/configuration). None of these settings needs the
internet. The Dockerfile repeats them, so that a plain `docker run` works too; a test checks that both are equal.
"""

SETTINGS = {
    "SQS_ENDPOINT_STRATEGY": "path",
    "DNS_ADDRESS": "0",
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "LAMBDA_RUNTIME_EXECUTOR": "process",
    "PROVIDER_OVERRIDE_DYNAMODB": "moto",
    "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
    "PROVIDER_OVERRIDE_KINESIS": "moto",
    "S3_SKIP_SIGNATURE_VALIDATION": "0",
    "PYTHONUNBUFFERED": "1",
}


def addresses(listen: str, port: int) -> dict[str, str]:
    """The address that it listens on, and the address that it puts into queue URLs, presigned URLs and issuers."""
    return {"GATEWAY_LISTEN": f"{listen}:{port}", "LOCALSTACK_HOST": f"localhost:{port}"}
