"""From the response to an upload to `PictureProcessed` on the bus, warm.

    .venv/bin/python benchmarks/upload_to_picture.py [samples]

Uses the engine that `harness up` started. The end is when EventBridge has accepted the event, by the machine's clock.
"""

import json
import sys
import time
import uuid
from io import BytesIO

import httpx
from measure import Figure, show
from PIL import Image

from harness import Flow, Kind, Project
from harness.engine.tracing import add_header
from harness.flow import Flows

WARM_UP = 5
PASSWORD = "Correct-horse-7-battery"


def picture(width: int, height: int) -> bytes:
    written = BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(written, "JPEG", quality=85)
    return written.getvalue()


def on_the_bus(flow: Flow) -> float:
    """When the domain event was taken, in seconds since the epoch."""
    for call in flow.find(Kind.CALL, name="PutEvents"):
        if call.ended is not None and any(
            e["DetailType"] == "PictureProcessed" for e in call.data["request"]["Entries"]
        ):
            return call.ended.at
    raise LookupError(f"PictureProcessed was not published:\n{flow}")


def main(samples: int) -> None:
    project = Project.load()
    target = project.engine.find()
    if target is None:
        sys.exit("Nothing is running. 'harness up' starts it.")
    deployment = project.describe(target)
    users = deployment["users"].outputs
    api = target.rest_api_url(deployment["uploads"].resources["Api"].physical_id, "v1")
    cognito, address = target.client("cognito-idp"), f"benchmark-{uuid.uuid4().hex[:12]}@people.example"
    attributes = [{"Name": "email", "Value": address}, {"Name": "name", "Value": "Ada Lovelace"}]
    client_id = users["UserPoolClientId"]
    cognito.sign_up(ClientId=client_id, Username=address, Password=PASSWORD, UserAttributes=attributes)
    cognito.admin_confirm_sign_up(UserPoolId=users["UserPoolId"], Username=address)
    token = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": address, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]["IdToken"]

    flows = Flows(target)
    flows.open()
    figures = []
    for width, height in ((64, 48), (1600, 1200)):
        content, signed, processed = picture(width, height), [], []
        for sample in range(samples + WARM_UP):
            with httpx.Client(trust_env=False) as http, flows.flow() as flow:
                headers: dict[str, str] = {}
                add_header(headers)
                asked = time.time()
                answer = http.post(
                    f"{api}/pictures",
                    content=json.dumps({"content_type": "image/jpeg"}),
                    headers={**headers, "Authorization": token, "Content-Type": "application/json"},
                )
                form = answer.raise_for_status().json()["upload"]
                got = time.time()
                http.post(form["url"], data=form["fields"], files={"file": content}, headers=headers).raise_for_status()
                uploaded = time.time()
                flow.settle()
            if sample >= WARM_UP:
                signed.append((got - asked) * 1000)
                processed.append((on_the_bus(flow) - uploaded) * 1000)
            flows.release(flow)
        size = f"{width}x{height}, {len(content) // 1024} KiB"
        figures.append(Figure(f"upload to PictureProcessed ({size})", processed, "ms"))
        figures.append(Figure("  before it, the signed form", signed, "ms"))
    flows.close()
    show(figures)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
