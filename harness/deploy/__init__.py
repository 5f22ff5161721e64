"""Deploys SAM and CloudFormation templates as stacks, to any target that answers AWS's APIs.

`discover` finds templates, `deploy` creates and updates their stacks, `describe` reports the deployed stacks,
`front_doors` lists their entry points, `topology_of` returns what is connected in them, and `delete` deletes them.
`remove` deletes everything that a deployment created on a shared target.
The package knows nothing of tests, of terminals, or of what is inside the target.
"""

from harness.deploy.deployed_topology import topology_of
from harness.deploy.deployment import DeployedResource, DeployedStack, Deployment, Withheld, describe
from harness.deploy.discovery import DEFAULT_PATTERNS, discover
from harness.deploy.events import DeployEvent
from harness.deploy.front_doors import FrontDoor, front_doors
from harness.deploy.pipeline import delete, deploy, warm_up
from harness.deploy.removal import Left, Removal, remove
from harness.deploy.schedules import Schedules
from harness.deploy.services import services_of
from harness.topology import Template

__all__ = [
    "DEFAULT_PATTERNS",
    "DeployEvent",
    "DeployedResource",
    "DeployedStack",
    "Deployment",
    "FrontDoor",
    "Left",
    "Removal",
    "Schedules",
    "Template",
    "Withheld",
    "delete",
    "deploy",
    "describe",
    "discover",
    "front_doors",
    "remove",
    "services_of",
    "topology_of",
    "warm_up",
]
