"""How IAM sees Elastic Load Balancing: what a call asks for."""

from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks


def install() -> None:
    asks("elasticloadbalancing", _asked)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    """What is to be made has a name, and no id yet."""
    name = operation.parameters.get("Name")
    match operation.name:
        case "CreateLoadBalancer" if name:
            return [RequestedAction(action, operation.arn("elasticloadbalancing", f"loadbalancer/app/{name}/*"))]
        case "CreateTargetGroup" if name:
            return [RequestedAction(action, operation.arn("elasticloadbalancing", f"targetgroup/{name}/*"))]
        case "SetRulePriorities":
            return [RequestedAction(action, str(each["RuleArn"])) for each in operation.parameters["RulePriorities"]]
    return None
