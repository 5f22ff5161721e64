"""ListLayers after the last version of a layer is deleted: LocalStack 4.14.0 fails with IndexError, AWS omits the layer.

https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html
"""

from typing import Any

from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider

from harness.emulator.patches import patched


def install() -> None:
    @patched(
        LambdaProvider.list_layers,
        because="ListLayers fails with IndexError after the last version of a layer is deleted",
        source="https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html",
    )
    def list_layers(original: Any, self: Any, context: Any, *args: Any, **options: Any) -> Any:
        layers = lambda_stores[context.account_id][context.region].layers
        # Kept: the number of a later version continues from it. Operations of Lambda run one at a time.
        without_versions = {name: layer for name, layer in list(layers.items()) if not layer.layer_versions}
        for name in without_versions:
            layers.pop(name)
        try:
            return original(self, context, *args, **options)
        finally:
            layers.update(without_versions)
