"""Starts, stops and connects to the engines that answer AWS calls.

A `Target` answers AWS calls; an `Engine` starts one and stops it. This package knows nothing of templates, tests or
what runs inside the target.
"""

from harness.engine.aws import AwsEngine
from harness.engine.control import HarnessApi
from harness.engine.docker import DockerEngine
from harness.engine.embedded import EmbeddedEngine
from harness.engine.endpoint import EndpointEngine
from harness.engine.outbox import Message, Outbox
from harness.engine.protocol import Engine
from harness.engine.target import Callback, Target

__all__ = [
    "AwsEngine",
    "Callback",
    "DockerEngine",
    "EmbeddedEngine",
    "EndpointEngine",
    "Engine",
    "HarnessApi",
    "Message",
    "Outbox",
    "Target",
]
