"""What a benchmark needs in an engine: functions, queues, tables, and a role for them; and an engine to have them in."""

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from harness import Target
from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port

TRUST = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}], "Version": "2012-10-17"}
RIGHTS = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Version": "2012-10-17"}


class Resources:
    """What flows go through, with a role that may do everything."""

    def __init__(self, target: Target) -> None:
        self.client: Callable[[str], Any] = target.client
        iam = self.client("iam")
        self.role = iam.create_role(RoleName="benchmark", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="benchmark", PolicyName="all", PolicyDocument=json.dumps(RIGHTS))

    def function(self, source: str) -> str:
        name = f"benchmark-{uuid.uuid4().hex[:8]}"
        code = BytesIO()
        with ZipFile(code, "w") as archive:
            archive.writestr("index.py", source)
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Handler="index.handler",
            Role=self.role,
            Code={"ZipFile": code.getvalue()},
        )
        self.client("lambda").get_waiter("function_active_v2").wait(FunctionName=name)
        return str(made["FunctionArn"])

    def permit(self, function: str, principal: str) -> None:
        self.client("lambda").add_permission(
            FunctionName=function, StatementId="benchmark", Action="lambda:InvokeFunction", Principal=principal
        )

    def queue(self) -> tuple[str, str]:
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=f"benchmark-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def consume(self, source: str, function: str, **options: Any) -> None:
        made = self.client("lambda").create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **options
        )
        while self.client("lambda").get_event_source_mapping(UUID=made["UUID"])["State"] != "Enabled":
            time.sleep(0.05)

    def table(self, name: str, **options: Any) -> dict[str, Any]:
        described: dict[str, Any] = self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **options,
        )["TableDescription"]
        return described


@contextmanager
def running_engine(**environment: str) -> Iterator[Target]:
    """An engine of this benchmark's own, with these variables in its environment."""
    before = {name: os.environ.get(name) for name in environment}
    with tempfile.TemporaryDirectory() as folder:
        own = EmbeddedEngine(Path(folder), port=any_free_port())
        os.environ.update(environment)
        try:
            target = own.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        try:
            yield target
        finally:
            own.stop()
