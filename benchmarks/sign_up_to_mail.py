"""From the confirm call of a sign-up to the welcome mail in the outbox, warm.

    .venv/bin/python benchmarks/sign_up_to_mail.py [samples]

Uses the engine that `harness up` started.
"""

import sys
import uuid
from time import perf_counter

from measure import Figure, show

from harness import Project

WARM_UP = 5


def main(samples: int) -> None:
    project = Project.load()
    target = project.engine.find()
    if target is None:
        sys.exit("Nothing is running. 'harness up' starts it.")
    outputs = project.describe(target)["users"].outputs
    cognito, outbox = target.client("cognito-idp"), target.outbox
    flow, confirm = [], []
    for sample in range(samples + WARM_UP):
        address = f"benchmark-{uuid.uuid4().hex[:12]}@people.example"
        cognito.sign_up(
            ClientId=outputs["UserPoolClientId"],
            Username=address,
            Password="Correct-horse-7-battery",
            UserAttributes=[{"Name": "email", "Value": address}, {"Name": "name", "Value": "Ada Lovelace"}],
        )
        code = outbox.wait_for(recipient=address).code
        start = perf_counter()
        cognito.confirm_sign_up(ClientId=outputs["UserPoolClientId"], Username=address, ConfirmationCode=code)
        confirmed = perf_counter()
        outbox.wait_for(recipient=address, subject="(?i)welcome")
        if sample >= WARM_UP:
            flow.append((perf_counter() - start) * 1000)
            confirm.append((confirmed - start) * 1000)
    show(
        [
            Figure("confirm call to welcome mail in the outbox", flow, "ms", "aim < 400 (median)"),
            Figure("  of it, the confirm call itself", confirm, "ms"),
        ]
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
