"""Which AWS services an emulator answers for, found out by asking it.

What an emulator lacks it says in many ways: 501, 500, 404, a page in HTML, an error of S3 because the path looks like a
bucket. What is there answers, or refuses the way AWS does.
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

# An emulator may load a service, or start a database for it, with the first call. LocalStack does, one after the other, so
# on a busy machine the last of many waits long.
_TIMES = Config(connect_timeout=5, read_timeout=60)
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ProbeCall:
    """A call that reads little and changes nothing; what it asks for need not exist."""

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


CALLS: Mapping[str, ProbeCall] = {
    row.name: ProbeCall(row.read_call, row.read_arguments) for row in aws.SERVICES.values() if row.read_call
}
"""By boto3's name of the service. What is not here is asked with its first operation that lists and takes no argument."""


def probe(target: Target, services: Iterable[str]) -> dict[str, str]:
    """Ask an emulator for these services, by boto3's names; returns what it answered for each that it lacks, in one line.

    Every service is asked with one call that only reads, several at once; of those in `harness.engine.trials` something is
    made, used and removed. So this is nothing for AWS itself; raises EngineError there.
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
        """What is wrong with a service; None when it is there."""
        try:
            self._call(service)
            if (trial := TRIALS.get(service)) is not None:
                trial(self._target, self.client)
        except LacksError as lack:
            return str(lack)
        return None

    def client(self, service: str, config: Config = _TIMES) -> Any:
        try:
            with self._lock:  # boto3 makes one client at a time
                return self._target.client(service, config=config)
        except UnknownServiceError:
            raise LacksError(f"boto3 knows no service {service!r}, so it cannot be asked") from None

    def _call(self, service: str) -> None:
        client = self.client(service)
        call = CALLS.get(service) or _cheap_call(client)
        with understood():
            getattr(client, call.operation)(**call.arguments)


def _cheap_call(client: Any) -> ProbeCall:
    """The first operation that lists something and takes no argument. Raises LacksError where there is none."""
    for method, operation in sorted(client.meta.method_to_api_mapping.items()):
        shape = client.meta.service_model.operation_model(operation).input_shape
        if method.startswith(("list_", "describe_")) and not (shape and shape.required_members):
            return ProbeCall(method)
    service = client.meta.service_model.service_name
    raise LacksError(f"no operation of {service} lists without arguments; a row in harness.aws may name another")
