"""Probes which AWS services an emulator supports.

An emulator reports an unsupported service in many ways: 501, 500, 404, an HTML page, an S3 error because the path looks
like a bucket. A supported service answers, or refuses the call as AWS does.
"""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import UnknownServiceError

from harness import aws
from harness.engine.answers import LacksError, understood
from harness.engine.target import Target
from harness.engine.trials import TRIALS
from harness.errors import EngineError

# An emulator may load a service, or start its database, on the first call. LocalStack does so one after the other, so on a
# busy machine the last of many calls waits long.
_TIMES = Config(connect_timeout=5, read_timeout=60)
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ProbeCall:
    """A call that reads little and changes nothing; the resource that it requests need not exist."""

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


CALLS: Mapping[str, ProbeCall] = {
    row.name: ProbeCall(row.read_call, row.read_arguments) for row in aws.SERVICES.values() if row.read_call
}
"""By boto3's name of the service. Other services get their first operation that lists and needs no argument."""


def probe(target: Target, services: Iterable[str]) -> dict[str, str]:
    """Probe an emulator for these services, by boto3's names; maps each unsupported one to the response, in one line.

    Each service gets one read-only call, several in parallel; for those in `harness.engine.trials` the probe creates, uses and
    deletes a resource. Not for AWS itself: there it raises EngineError.
    """
    if target.endpoint_url is None or target.is_aws:
        raise EngineError(f"{target.address} is not asked which services it has: probing is for emulators.")
    emulator = _Emulator(target)
    asked = list(dict.fromkeys(services))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(emulator.ask, asked))
    return {service: answer for service, answer in zip(asked, answers, strict=True) if answer is not None}


class _Emulator:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()

    def ask(self, service: str) -> str | None:
        """What is wrong with a service; None if it works."""
        try:
            self._call(service)
            if (trial := TRIALS.get(service)) is not None:
                trial(self._target, self.client)
        except LacksError as lack:
            return str(lack)
        return None

    def client(self, service: str, config: Config = _TIMES) -> Any:
        try:
            with self._lock:  # boto3 creates one client at a time
                return self._target.client(service, config=config)
        except UnknownServiceError:
            raise LacksError(f"boto3 knows no service {service!r}, so it cannot be asked") from None

    def _call(self, service: str) -> None:
        client = self.client(service)
        call = CALLS.get(service) or _cheap_call(client)
        with understood():
            getattr(client, call.operation)(**call.arguments)


def _cheap_call(client: Any) -> ProbeCall:
    """The first operation that lists something and needs no argument. Raises LacksError if there is none."""
    for method, operation in sorted(client.meta.method_to_api_mapping.items()):
        shape = client.meta.service_model.operation_model(operation).input_shape
        if method.startswith(("list_", "describe_")) and not (shape and shape.required_members):
            return ProbeCall(method)
    service = client.meta.service_model.service_name
    raise LacksError(f"no operation of {service} lists without arguments; a row in harness.aws may name another")
