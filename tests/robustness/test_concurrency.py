"""No call fails, or returns a wrong response, because of a concurrent call.

Sixteen clients; in the gate each kind of resource has a moment, and all services at once have five seconds. STRESS_SECONDS=60
is how long each of these tests runs instead.
"""

import json
import os
import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.functions import archive
from tests.robustness.lives import KEY_SCHEMA, LIVES, PASS, ROLE, TEMPLATE, TRUST, Life, each

THREADS = 16
SECONDS = float(os.environ.get("STRESS_SECONDS", "0.5"))
KEPT = 7
"""Resources that are there all the while: every listing names each of them once."""


@pytest.fixture(scope="module")
def once(engine):
    """`once("sqs")`: a client that makes each call once, whatever comes of it."""
    clients = {}
    lock = threading.Lock()

    def client(service):
        with lock:
            if service not in clients:
                config = Config(
                    retries={"total_max_attempts": 1}, max_pool_connections=THREADS, read_timeout=60, connect_timeout=60
                )
                clients[service] = engine.client(service, config=config)
            return clients[service]

    return client


def together(run: Callable[[int], None], threads: int = THREADS) -> list[str]:
    """Run it in threads that begin at the same time; what failed in them."""
    failed: list[str] = []
    ready = threading.Barrier(threads)

    def one(number: int) -> None:
        try:
            ready.wait(60)
            run(number)
        except Exception:  # noqa: BLE001 - whatever fails is shown
            failed.append(traceback.format_exc(limit=-6))

    running = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(threads)]
    for thread in running:
        thread.start()
    deadline = time.monotonic() + SECONDS + 180
    for thread in running:
        thread.join(max(0.0, deadline - time.monotonic()))
    failed += [f"{thread.name} does not come to an end" for thread in running if thread.is_alive()]
    return failed


def live(life: Life, kept: list[str], name: str) -> None:
    """One resource from its creation to its deletion, with what the listings and it itself say meanwhile."""
    own = life.create(name)
    listed = Counter(life.listed())
    assert listed[own] == 1, f"created, and listed {listed[own]} times"
    assert {one: listed[one] for one in kept} == dict.fromkeys(kept, 1), "what was there is not listed once"
    for _ in range(2):
        value = uuid4().hex
        life.change(own, value)
        assert life.read(own) == value, "changed, and read as it was"
    life.delete(own)
    listed = Counter(life.listed())
    assert own not in listed, "deleted, and still listed"
    assert {one: listed[one] for one in kept} == dict.fromkeys(kept, 1), "what was there is not listed once"


def fresh() -> str:
    return f"s{uuid4().hex[:16]}"


@pytest.fixture
def alive(once):
    """`alive("sqs-queues")`: the life of this name, and the resources that stay until the end of the test."""
    made = []

    def make(kind):
        life = LIVES[kind](once)
        kept = [life.create(fresh()) for _ in range(1 if kind == "cloudformation-stacks" else KEPT)]
        made.append((life, kept))
        return life, kept

    yield make
    for life, kept in made:
        for one in kept:
            life.delete(one)


@pytest.mark.parametrize("kind", LIVES)
def test_resource_is_listed_and_read_while_others_come_and_go(alive, kind):
    life, kept = alive(kind)
    end = time.monotonic() + SECONDS

    def run(_number):
        while True:
            live(life, kept, fresh())
            if time.monotonic() > end:
                return

    failed = together(run)
    assert not failed, f"{len(failed)} of {THREADS} clients failed; the first: {failed[0]}"


def test_all_services_at_once(alive):
    """Services call one another: none waits for another that waits for it."""
    lives = {kind: alive(kind) for kind in LIVES}
    end = time.monotonic() + max(SECONDS, 5.0)

    def run(number):
        order = list(lives)
        random.Random(number).shuffle(order)
        while True:
            for kind in order:
                try:
                    live(*lives[kind], fresh())
                except Exception as error:
                    error.add_note(kind)
                    raise
                if time.monotonic() > end:
                    return

    failed = together(run)
    assert not failed, f"{len(failed)} of {THREADS} clients failed; the first: {failed[0]}"


# ---- one winner --------------------------------------------------------------------------------------------------


def created_once(aws, name):
    """For each kind: `make(number)`, the error of every later call, and the removal."""
    sqs_arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    target = {"Arn": sqs_arn, "RoleArn": ROLE}
    schedule = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(1 day)", "Target": target}
    zipped = archive({"index.py": "def handler(event, context):\n    return event\n"})
    code = {"Runtime": "python3.12", "Handler": "index.handler", "Role": ROLE, "Code": {"ZipFile": zipped}}
    return {
        "dynamodb": lambda _n: aws("dynamodb").create_table(TableName=name, **KEY_SCHEMA),
        "iam-role": lambda _n: aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
        "iam-user": lambda _n: aws("iam").create_user(UserName=name),
        "ssm": lambda n: aws("ssm").put_parameter(Name=name, Value=str(n), Type="String"),
        "secretsmanager": lambda n: aws("secretsmanager").create_secret(Name=name, SecretString=str(n)),
        "logs": lambda _n: aws("logs").create_log_group(logGroupName=name),
        "lambda": lambda _n: aws("lambda").create_function(FunctionName=name, **code),
        "kinesis": lambda _n: aws("kinesis").create_stream(StreamName=name, ShardCount=1),
        "events": lambda _n: aws("events").create_event_bus(Name=name),
        "scheduler": lambda _n: aws("scheduler").create_schedule(Name=name, **schedule),
        "stepfunctions": lambda n: aws("stepfunctions").create_state_machine(
            name=name, definition=PASS.replace('"Pass"', f'"Pass", "Comment": "{n}"'), roleArn=ROLE
        ),
        "elbv2": lambda n: aws("elbv2").create_target_group(
            Name=name,
            TargetType="lambda",
            HealthCheckEnabled=True,
            HealthCheckIntervalSeconds=40 + n,
        ),
        "cloudformation": lambda _n: aws("cloudformation").create_stack(StackName=name, TemplateBody=TEMPLATE),
        "sns": lambda n: aws("sns").create_topic(Name=name, Attributes={"DisplayName": str(n)}),
    }


LATER = {
    "dynamodb": "ResourceInUseException",
    "iam-role": "EntityAlreadyExists",
    "iam-user": "EntityAlreadyExists",
    "ssm": "ParameterAlreadyExists",
    "secretsmanager": "ResourceExistsException",
    "logs": "ResourceAlreadyExistsException",
    "lambda": "ResourceConflictException",
    "kinesis": "ResourceInUseException",
    "events": "ResourceAlreadyExistsException",
    "scheduler": "ConflictException",
    "stepfunctions": "StateMachineAlreadyExists",
    "elbv2": "DuplicateTargetGroupName",
    "cloudformation": "AlreadyExistsException",
    "sns": "InvalidParameter",
}
"""AWS's error for every later call, from the reference of each operation."""


def outcomes(make: Callable[[int], object]) -> Counter[str]:
    found: Counter[str] = Counter()

    def run(number: int) -> None:
        try:
            make(number)
        except ClientError as error:
            found[error.response["Error"]["Code"]] += 1
        else:
            found["made"] += 1

    failed = together(run)
    assert not failed, failed[0]
    return found


@pytest.mark.parametrize("kind", LATER)
def test_name_that_all_want_goes_to_one(once, kind):
    for _ in range(3):
        found = outcomes(created_once(once, fresh())[kind])
        assert found == {"made": 1, LATER[kind]: THREADS - 1}


def test_name_within_a_parent_goes_to_one(once):
    idp, lambda_ = once("cognito-idp"), once("lambda")
    pool = idp.create_user_pool(PoolName="stress")["UserPool"]["Id"]
    zipped = archive({"index.py": "def handler(event, context):\n    return event\n"})
    function = fresh()
    lambda_.create_function(
        FunctionName=function, Runtime="python3.12", Handler="index.handler", Role=ROLE, Code={"ZipFile": zipped}
    )
    key = once("kms").create_key()["KeyMetadata"]["KeyId"]
    wanted = {
        "UsernameExistsException": lambda name: idp.admin_create_user(
            UserPoolId=pool, Username=name, MessageAction="SUPPRESS"
        ),
        "GroupExistsException": lambda name: idp.create_group(UserPoolId=pool, GroupName=name),
        "ResourceConflictException": lambda name: lambda_.create_alias(
            FunctionName=function, Name=name, FunctionVersion="$LATEST"
        ),
        "AlreadyExistsException": lambda name: once("kms").create_alias(AliasName=f"alias/{name}", TargetKeyId=key),
    }
    for code, make in wanted.items():
        name = fresh()
        assert outcomes(lambda _n, make=make, name=name: make(name)) == {"made": 1, code: THREADS - 1}


def test_execution_of_one_name_starts_once(once):
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
    sfn, name = once("stepfunctions"), fresh()
    machine = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)["stateMachineArn"]
    found = outcomes(lambda n: sfn.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"n": n})))
    assert found == {"made": 1, "ExecutionAlreadyExists": THREADS - 1}
    names = [fresh() for _ in range(THREADS)]
    outcomes(lambda n: sfn.start_execution(stateMachineArn=machine, name=names[n]))
    listed = each(
        sfn, "list_executions", "executions", "name", stateMachineArn=machine, PaginationConfig={"PageSize": 3}
    )
    assert sorted(listed) == sorted([*names, name])
    sfn.delete_state_machine(stateMachineArn=machine)


def test_conditional_write_goes_to_one(once):
    db, s3, table = once("dynamodb"), once("s3"), fresh()
    db.create_table(TableName=table, **KEY_SCHEMA)
    s3.create_bucket(Bucket=table)
    for _ in range(5):
        key = fresh()
        found = outcomes(
            lambda n, key=key: db.put_item(
                TableName=table,
                Item={"id": {"S": key}, "n": {"N": str(n)}},
                ConditionExpression="attribute_not_exists(id)",
            )
        )
        assert found == {"made": 1, "ConditionalCheckFailedException": THREADS - 1}
        found = outcomes(lambda n, key=key: s3.put_object(Bucket=table, Key=key, Body=str(n), IfNoneMatch="*"))
        assert found["made"] == 1
        assert set(found) <= {"made", "PreconditionFailed", "ConditionalRequestConflict"}
        s3.delete_object(Bucket=table, Key=key)
    db.delete_table(TableName=table)
    s3.delete_bucket(Bucket=table)


# ---- counts that add up ------------------------------------------------------------------------------------------


def test_atomic_counter_counts_every_update(once):
    db, table = once("dynamodb"), fresh()
    db.create_table(TableName=table, **KEY_SCHEMA)
    add = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    returned = []

    def run(_number):
        for _ in range(10):
            answer = db.update_item(TableName=table, Key={"id": {"S": "one"}}, ReturnValues="UPDATED_NEW", **add)
            returned.append(int(answer["Attributes"]["n"]["N"]))

    assert not together(run)
    assert sorted(returned) == list(range(1, THREADS * 10 + 1))
    db.delete_table(TableName=table)


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_message_is_received_once(once, suffix):
    sqs, name = once("sqs"), fresh() + suffix
    attributes = {"VisibilityTimeout": "120", **({"FifoQueue": "true"} if suffix else {})}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    sent, received = [], []

    def run(number):
        for turn in range(8):
            body = f"{number}/{turn}"
            fifo = {"MessageGroupId": body, "MessageDeduplicationId": body} if suffix else {}
            sqs.send_message(QueueUrl=url, MessageBody=body, **fifo)
            sent.append(body)
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
                received.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    failed = together(run)
    assert not failed, failed[0]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        received += [message["Body"] for message in messages]
    assert sorted(received) == sorted(sent)
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert counted["Attributes"]["ApproximateNumberOfMessages"] == "0"
    sqs.delete_queue(QueueUrl=url)


def test_record_of_a_stream_is_read_once_in_order(once):
    kinesis, name = once("kinesis"), fresh()
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    put = {}

    def run(number):
        for turn in range(8):
            body = f"{number}/{turn}".encode()
            put[body] = kinesis.put_record(StreamName=name, PartitionKey=str(number), Data=body)["SequenceNumber"]

    assert not together(run)
    read = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        numbers = [int(record["SequenceNumber"]) for record in records]
        assert numbers == sorted(set(numbers))
        read += [record["Data"] for record in records]
    assert sorted(read) == sorted(put)
    kinesis.delete_stream(StreamName=name)


def test_version_of_a_parameter_counts_every_change(once):
    ssm, name, versions = once("ssm"), fresh(), []

    def run(number):
        for turn in range(3):
            answer = ssm.put_parameter(Name=name, Value=f"{number}/{turn}", Type="String", Overwrite=True)
            versions.append(answer["Version"])

    assert not together(run)
    assert sorted(versions) == list(range(1, THREADS * 3 + 1))
    ssm.delete_parameter(Name=name)


def test_version_of_a_layer_is_given_once(once):
    lambda_, name, versions = once("lambda"), fresh(), []
    code = archive({"python/one.py": "ONE = 1\n"})

    def run(_number):
        versions.append(lambda_.publish_layer_version(LayerName=name, Content={"ZipFile": code})["Version"])

    assert not together(run)
    assert sorted(versions) == list(range(1, THREADS + 1))
    listed = each(lambda_, "list_layer_versions", "LayerVersions", "Version", LayerName=name)
    assert sorted(listed) == sorted(versions)


def test_resource_is_tagged_by_all(once):
    """Each tag is there in the end: none was lost to a change of the whole."""
    sqs, iam, lost = once("sqs"), once("iam"), {}
    url = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    role = iam.create_role(RoleName=fresh(), AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"]

    def run(number):
        sqs.tag_queue(QueueUrl=url, Tags={str(number): "x"})
        iam.tag_role(RoleName=role, Tags=[{"Key": str(number), "Value": "x"}])

    assert not together(run)
    lost["sqs"] = set(map(str, range(THREADS))) - set(sqs.list_queue_tags(QueueUrl=url)["Tags"])
    lost["iam"] = set(map(str, range(THREADS))) - {t["Key"] for t in iam.list_role_tags(RoleName=role)["Tags"]}
    assert lost == {"sqs": set(), "iam": set()}
    sqs.delete_queue(QueueUrl=url)
    iam.delete_role(RoleName=role)


def test_session_is_good_as_soon_as_it_is_given(engine, once):
    sts, role = once("sts"), once("iam").create_role(RoleName=fresh(), AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]

    def run(number):
        given = sts.assume_role(RoleArn=role, RoleSessionName=f"session-{number}")["Credentials"]
        own = engine.client(
            "sts",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        assert own.get_caller_identity()["Arn"].endswith(f"/session-{number}")

    failed = together(run)
    assert not failed, failed[0]
    once("iam").delete_role(RoleName=role.rpartition("/")[2])
