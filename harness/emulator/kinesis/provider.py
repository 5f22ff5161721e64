"""The service `kinesis` as LocalStack plugin: moto keeps the streams."""

from localstack.services.plugins import Service, aws_provider

from harness.emulator.moto.services import moto_service


@aws_provider(api="kinesis", name="moto")
def kinesis() -> Service:
    """LocalStack's own provider starts a server that it installs with npm, which needs Node.js and a download."""
    from harness.emulator.kinesis import operations, shards  # moto's Kinesis loads with the service, not at boot

    shards.complete_moto()
    return moto_service("kinesis", operations.OURS)
