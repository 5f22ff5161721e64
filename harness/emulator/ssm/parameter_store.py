"""Parameter Store knows only parameters that have a version.

moto keeps them in a defaultdict: reading the history of a parameter that does not exist makes one without versions, and every
DescribeParameters after that fails.
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched


class _NoVersions(list[Any]):
    """Of a parameter that does not exist until the first one is appended."""

    def __init__(self, parameters: Any, name: str) -> None:
        super().__init__()
        self._parameters, self._name = parameters, name

    def append(self, version: Any) -> None:
        self._parameters[self._parameters.normalize_name(self._name)] = [version]


def install() -> None:
    when_loaded("ssm", _complete_moto)


def _complete_moto() -> None:
    from moto.ssm.models import ParameterDict  # loads with the service, not at boot

    @patched(
        ParameterDict.__getitem__,
        because="reading the history of a parameter that does not exist makes one, and every listing after that fails",
        source="https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html",
    )
    def versions(original: Any, self: Any, name: str) -> Any:
        # A reference to a secret (`/aws/reference/secretsmanager/...`) is not looked up here.
        known = name.startswith("/aws/reference/") or name in self
        return original(self, name) if known else _NoVersions(self, name)
