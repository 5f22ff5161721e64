"""From an album that is made to its event on the bus, warm.

    .venv/bin/python benchmarks/album_to_event.py [samples]

Uses the engine that `harness up` started. The times are the journal's own: the write is over when the call that puts the
album into the table has ended, and the event is on the bus when PutEvents has.
"""

import sys
import uuid

import httpx
from measure import Figure, show

from harness import DeployedStack, Flow, Kind, Project, Target
from harness.engine import tracing
from harness.flow import Flows

WARM_UP = 5
PASSWORD = "Correct-horse-7-battery"


def id_token(target: Target, users: DeployedStack) -> str:
    """For a new user."""
    cognito, client_id = target.client("cognito-idp"), users.outputs["UserPoolClientId"]
    address = f"benchmark-{uuid.uuid4().hex[:12]}@people.example"
    attributes = [{"Name": "email", "Value": address}, {"Name": "name", "Value": "Dorothea Lange"}]
    cognito.sign_up(ClientId=client_id, Username=address, Password=PASSWORD, UserAttributes=attributes)
    cognito.admin_confirm_sign_up(UserPoolId=users.outputs["UserPoolId"], Username=address)
    given = {"USERNAME": address, "PASSWORD": PASSWORD}
    answer = cognito.initiate_auth(ClientId=client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
    return str(answer["AuthenticationResult"]["IdToken"])


def ended(flow: Flow, operation: str) -> float:
    """When the only call of this operation was over, in seconds since the epoch."""
    [call] = flow.find(Kind.CALL, name=operation)
    assert call.ended is not None
    return call.ended.at


def main(samples: int) -> None:
    project = Project.load()
    target = project.engine.find()
    if target is None:
        sys.exit("Nothing is running. 'harness up' starts it.")
    deployment = project.describe(target)
    api = target.rest_api_url(deployment["catalog"].resources["Api"].physical_id, "v1")
    hooks = {"request": [lambda request: tracing.add_header(request.headers)]}
    http = httpx.Client(headers={"Authorization": id_token(target, deployment["users"])}, event_hooks=hooks)
    flows = Flows(target)
    flows.open()
    from_write, from_request = [], []
    for sample in range(samples + WARM_UP):
        with flows.flow() as flow:
            http.post(f"{api}/albums", json={"title": f"Album {sample}"}).raise_for_status()
        flow.settle()
        announced = ended(flow, "PutEvents")
        if sample >= WARM_UP:
            from_write.append((announced - ended(flow, "PutItem")) * 1000)
            from_request.append((announced - flow.roots[0].begin.at) * 1000)
        flows.release(flow)
    flows.close()
    show(
        [
            Figure("album in the table to event on the bus", from_write, "ms", "aim < 100 (median)"),
            Figure("request to event on the bus", from_request, "ms"),
        ]
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
