"""The services `dynamodb` and `dynamodbstreams` as LocalStack plugins: moto keeps the tables."""

from localstack.services.plugins import Service, aws_provider

from harness.emulator.moto.services import moto_service


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """LocalStack's own provider starts Amazon's DynamoDB Local, which needs Java and a download."""
    from harness.emulator.dynamodb import streams as dynamodb  # moto's DynamoDB loads with the service, not at boot

    dynamodb.complete_moto()
    return moto_service("dynamodb")


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Service:
    return moto_service("dynamodbstreams")
