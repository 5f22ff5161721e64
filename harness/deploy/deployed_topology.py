"""The topology of the templates with the physical ids of their deployment."""

from collections.abc import Mapping, Sequence

from harness.deploy.deployment import Deployment
from harness.deploy.plan import pseudo_parameters
from harness.engine import Target
from harness.topology import Template, Topology, read_topology


def topology_of(
    target: Target,
    templates: Sequence[Template],
    deployment: Deployment,
    *,
    parameters: Mapping[str, Mapping[str, str]] | None = None,
) -> Topology:
    """The topology of the deployed stacks, with their physical ids. `parameters` are those that `deploy` got.

    Raises TemplateError.
    """
    stacks = {name: deployment.stacks[name] for name in deployment.stacks}
    return read_topology(
        [template for template in templates if template.stack in stacks],
        parameters={
            name: {**pseudo_parameters(target, stack.stack_name), **(parameters or {}).get(name, {})}
            for name, stack in stacks.items()
        },
        physical_ids={
            name: {logical_id: resource.physical_id for logical_id, resource in stack.resources.items()}
            for name, stack in stacks.items()
        },
    )
