"""Cognito: the functions that a user pool calls."""

from collections.abc import Iterator, Mapping

from harness.topology.edges import Edge, NamedCondition
from harness.topology.readers.making import edge
from harness.topology.resources import TemplateResource
from harness.topology.wiring import Wiring


def _triggers(wiring: Wiring, pool: TemplateResource) -> Iterator[Edge]:
    seen = set()
    for name, value in pool.mapping("LambdaConfig").items():
        # PreTokenGenerationConfig, CustomEmailSender and CustomSMSSender name the function inside.
        reference = value.get("LambdaArn", value) if isinstance(value, Mapping) else value
        trigger = name.removesuffix("Config") if name == "PreTokenGenerationConfig" else name
        target = None if name == "KMSKeyID" else wiring.node(reference, pool, "function")
        if target and (trigger, target) not in seen:
            seen.add((trigger, target))
            yield edge("user_pool_trigger", pool.id, target, NamedCondition(trigger), pool, "LambdaConfig", name)


READERS = {"AWS::Cognito::UserPool": (_triggers,)}
