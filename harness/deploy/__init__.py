"""SAM and CloudFormation templates become running stacks, on any target that answers AWS's APIs.

`discover` finds templates, `deploy` brings a target to what they say, `describe` tells what runs, `front_doors` where it is
reached, `topology_of` what is connected in it, `delete` ends it.
`remove` takes everything away that a deployment made on a target that others use too.
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
