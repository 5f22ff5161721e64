"""Installs the rules in LocalStack and moto."""

import http.client
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import urllib3.connectionpool
from localstack.aws.gateway import Gateway
from localstack.aws.skeleton import Skeleton
from localstack.services.stores import (
    AccountRegionBundle,
    CrossAccountAttribute,
    CrossRegionAttribute,
    LocalAttribute,
    RegionBundle,
)
from localstack.utils.tagging import TaggingService
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.core.common_models import BaseModel

from harness.emulator.concurrency.monitors import give_up, monitor
from harness.emulator.concurrency.pages import of_one_moment, paged_operations
from harness.emulator.concurrency.steady import (
    SteadyDefaultDict,
    SteadyDict,
    detached,
    guarded,
    steady,
    steady_attributes,
)
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

SWITCH = "HARNESS_MONITORS"
"""`off` leaves LocalStack and moto as they are: for benchmarks, and for an engine that seems to stand still."""
ALONGSIDE = frozenset(
    {
        ("apigateway", "TestInvokeMethod"),
        ("kinesis", "SubscribeToShard"),
        ("lambda", "Invoke"),
        ("lambda", "InvokeAsync"),
        ("lambda", "InvokeWithResponseStream"),
        ("s3", "CompleteMultipartUpload"),
        ("s3", "CopyObject"),
        ("s3", "GetObject"),
        ("s3", "PutObject"),
        ("s3", "UploadPart"),
        ("s3", "UploadPartCopy"),
        ("stepfunctions", "GetActivityTask"),
        ("stepfunctions", "StartSyncExecution"),
        ("stepfunctions", "TestState"),
    }
)
"""Run without a monitor: they run for as long as a user's code, a body or a client takes, and lock what they change."""


def install() -> None:
    if os.environ.get(SWITCH) == "off":
        return
    _operations_run_alone()
    _nothing_waits_with_a_monitor()
    _stores_are_steady()
    when_loaded("s3", _keys_of_buckets)
    when_loaded("cloudwatch", _alarms)
    when_loaded("lambda", _functions)


# ---- operations --------------------------------------------------------------------------------------------------


def _operations_run_alone() -> None:
    @patched(Skeleton.__init__, because="operations of a service run at the same time over stores without locks")
    def init(original: Any, self: Any, service: Any, implementation: Any) -> None:
        original(self, service, implementation)
        name = service.service_name
        paged = paged_operations(name)
        self.dispatch_table = {
            operation: served
            if (name, operation) in ALONGSIDE
            else _alone(name, of_one_moment(paged[operation], served) if operation in paged else served)
            for operation, served in self.dispatch_table.items()
        }


def _alone(service: str, served: Callable[..., Any]) -> Callable[..., Any]:
    own = monitor(service)

    def serve(context: Any, request: Any) -> Any:
        with own:
            return detached(served(context, request))

    return serve


def _nothing_waits_with_a_monitor() -> None:
    for owner, name in (
        # Services call one another in the thread of the caller.
        (Gateway, "process"),
        (threading.Condition, "wait"),
        (time, "sleep"),
        (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
        (http.client.HTTPConnection, "putrequest"),
    ):
        # Around the door, which is at layer 0 of the gateway.
        patched(owner, name, because="what waits gives the service's monitor up meanwhile", layer=1)(_giving_up_first)


def _giving_up_first(waits: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    give_up()
    return waits(*args, **kwargs)


# ---- stores ------------------------------------------------------------------------------------------------------


def _stores_are_steady() -> None:
    for stores in (AccountRegionBundle, RegionBundle, BackendDict, AccountSpecificBackend):
        for name in ("__iter__", "__reversed__", "keys", "values", "items"):
            replaced(
                stores,
                name,
                getattr(SteadyDict, name),
                because="loops over a store fail where another call changes it",
                is_new=True,
            )
    _attributes(LocalAttribute, vars)
    _attributes(CrossRegionAttribute, lambda store: store._global)
    _attributes(CrossAccountAttribute, lambda store: store._universal)
    for model in (TaggingService, BaseBackend, BaseModel):
        steady_attributes(model)


def _attributes(kind: Any, state_of: Callable[[Any], dict[str, Any]]) -> None:
    """Steady containers, and one for all threads that ask for it first at the same time."""

    def get(self: Any, store: Any, _owner: Any = None) -> Any:
        state = state_of(store)
        try:
            return state[self.name]
        except KeyError:
            return state.setdefault(self.name, steady(self.default() if callable(self.default) else self.default))

    replaced(kind, "__get__", get, because="two threads that ask first for an attribute get two containers")


def _keys_of_buckets() -> None:
    """Objects are written outside of the monitor."""
    from localstack.services.s3.models import KeyStore, VersionedKeyStore

    guarded(KeyStore, "get", "set", "pop", "values")
    guarded(VersionedKeyStore, "get", "set", "pop", "values")


def _alarms() -> None:
    """LocalStack calls DescribeAlarms with this lock in its hands, so that it must be one that is given up."""
    from localstack.services.cloudwatch import provider_v2

    replaced(provider_v2, "_STORE_LOCK", monitor("cloudwatch"), because="DescribeAlarms is called with this lock held")


def _functions() -> None:
    """Functions run outside of the monitor, and are looked up by whatever runs them."""
    from localstack.services.lambda_.invocation.assignment import AssignmentService
    from localstack.services.lambda_.invocation.lambda_models import Function, Layer
    from localstack.services.lambda_.invocation.lambda_service import LambdaService

    for model in (Function, Layer, LambdaService):
        steady_attributes(model)

    @patched(AssignmentService.__init__, because="execution environments are looked up while others are added")
    def init(original: Any, self: Any) -> None:
        original(self)
        self.environments = SteadyDefaultDict(SteadyDict)
