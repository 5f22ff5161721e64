"""What is declared of WebSocket APIs, and what of it is deployed."""

import secrets
import string
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute

from harness.emulator.concurrency import SteadyDict

Settings = dict[str, Any]
"""One resource, with the members that the API's answers have."""

_LETTERS = string.ascii_lowercase + string.digits
DEPLOYED = ("Route", "Integration", "Authorizer", "Model", "RouteResponse", "IntegrationResponse")
"""The kinds of resources that a deployment takes a picture of."""


def new_id(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True)
class Snapshot:
    """An API as it was when it was deployed, which is what its stages serve."""

    settings: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Settings]]

    def route(self, route_key: str) -> Settings | None:
        return next((r for r in self.parts["Route"].values() if r["RouteKey"] == route_key), None)

    def integration_of(self, route: Settings) -> Settings | None:
        target = str(route.get("Target") or "")
        return self.parts["Integration"].get(target.removeprefix("integrations/"))

    def responses_of(self, kind: str, parent_id: str) -> list[Settings]:
        """Route responses by their route's id, integration responses by their integration's."""
        return [one for one in self.parts[kind].values() if one["ParentId"] == parent_id]


@dataclass
class Api:
    """One WebSocket API. `parts` are its resources by kind (`Route`, `Stage` ...) and id; a stage's id is its name."""

    account_id: str
    region: str
    settings: Settings
    parts: dict[str, dict[str, Settings]] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in (*DEPLOYED, "Deployment", "Stage"):
            self.parts.setdefault(kind, SteadyDict())

    @property
    def api_id(self) -> str:
        return str(self.settings["ApiId"])

    @property
    def domain_name(self) -> str:
        """The name under which AWS serves it; what functions get to see, whatever address the engine has."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"{self.api_id}.execute-api.{self.region}.{suffix}"

    def arn(self, rest: str) -> str:
        """The `execute-api` ARN of a stage, a route or an authorizer."""
        return f"arn:aws:execute-api:{self.region}:{self.account_id}:{self.api_id}/{rest}"

    def deploy(self, description: str | None = None, *, automatically: bool = False) -> Settings:
        """Take a picture of what is declared now; the new deployment."""
        deployment: Settings = {
            "DeploymentId": new_id(6),
            "DeploymentStatus": "DEPLOYED",
            "AutoDeployed": automatically,
            "CreatedDate": datetime.now(UTC),
        }
        if description is not None:
            deployment["Description"] = description
        self.parts["Deployment"][deployment["DeploymentId"]] = deployment
        parts = {kind: deepcopy(self.parts[kind]) for kind in DEPLOYED}
        self.snapshots[deployment["DeploymentId"]] = Snapshot(deepcopy(self.settings), parts)
        return deployment

    def changed(self) -> None:
        """Deploy to the stages with AutoDeploy
        (https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html)."""
        for stage in self.parts["Stage"].values():
            if stage.get("AutoDeploy"):
                stage["DeploymentId"] = self.deploy(
                    "Automatic deployment triggered by changes to the Api configuration", automatically=True
                )["DeploymentId"]
                stage["LastDeploymentStatusMessage"] = (
                    f"Successfully deployed stage with deployment ID '{stage['DeploymentId']}'"
                )

    def served(self, stage_name: str) -> Snapshot | None:
        """What a stage serves; None if the stage does not exist, or nothing was deployed to it."""
        stage = self.parts["Stage"].get(stage_name)
        return self.snapshots.get(str(stage.get("DeploymentId"))) if stage else None


class WebSocketStore(BaseStore):
    apis: dict[str, Api] = LocalAttribute(default=dict)


STORES: Any = AccountRegionBundle("apigatewayv2", WebSocketStore)
"""Of this LocalStack process: by account and region."""


def all_apis() -> Iterator[Api]:
    for _account, _region, store in list(STORES.iter_stores()):
        yield from list(store.apis.values())


def find_api(api_id: str) -> Api | None:
    """An API of whatever account and region: its id is in its address, and nothing else."""
    return next((api for api in all_apis() if api.api_id == api_id), None)
