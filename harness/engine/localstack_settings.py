"""What LocalStack is told, wherever it runs: the engine without Docker and the Docker image behave alike.

The names are LocalStack's (https://docs.localstack.cloud/references/configuration). Nothing of it tries the internet.
The image's Dockerfile repeats them, so that a bare `docker run` is right as well; a test holds the two together.
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
    """Where it listens, and the address that it puts into queue URLs, presigned URLs and issuers."""
    return {"GATEWAY_LISTEN": f"{listen}:{port}", "LOCALSTACK_HOST": f"localhost:{port}"}
