"""What a caller may do, by its own policies and those of the resource.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import zipfile
from io import BytesIO

import pytest
from botocore.exceptions import ClientError

from tests.contract.access.conftest import allow, client_of, deny, document, name, refused

OTHER_ACCOUNT = "222222222222"


def test_a_role_may_do_what_its_policy_allows_and_no_more(role, queue):
    mine, other = queue(), queue()
    sqs = role(allow("sqs:SendMessage", mine.arn)).client("sqs")
    sqs.send_message(QueueUrl=mine.url, MessageBody="x")
    assert refused(sqs.send_message, QueueUrl=other.url, MessageBody="x")[0] == "AccessDenied"
    assert refused(sqs.receive_message, QueueUrl=mine.url)[0] == "AccessDenied"


def test_a_policy_that_changes_counts_at_once(role, queue):
    mine = queue()
    worker = role(allow("sqs:ReceiveMessage"))
    sqs = worker.client("sqs")
    assert refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")[0] == "AccessDenied"
    worker.may(allow("sqs:SendMessage"))
    sqs.send_message(QueueUrl=mine.url, MessageBody="x")


def test_an_explicit_deny_wins(role, queue):
    mine = queue()
    sqs = role(allow("sqs:*"), deny("sqs:SendMessage", mine.arn)).client("sqs")
    _, _, message = refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_permissions_boundary_limits(aws, role, queue):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""
    mine = queue()
    boundary = aws("iam").create_policy(PolicyName=name(), PolicyDocument=document(allow("sqs:ReceiveMessage")))
    sqs = role(allow("sqs:*"), PermissionsBoundary=boundary["Policy"]["Arn"]).client("sqs")
    sqs.receive_message(QueueUrl=mine.url)
    _, _, message = refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")
    assert message.endswith("because no permissions boundary allows the sqs:sendmessage action")


def test_a_session_policy_limits(aws, role, queue):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session"""
    mine = queue()
    worker = role(allow("sqs:*"))
    inline = worker.client("sqs", Policy=document(allow("sqs:ReceiveMessage")))
    managed = aws("iam").create_policy(PolicyName=name(), PolicyDocument=document(allow("sqs:ReceiveMessage")))
    by_arn = worker.client("sqs", PolicyArns=[{"arn": managed["Policy"]["Arn"]}])
    for sqs in (inline, by_arn):
        sqs.receive_message(QueueUrl=mine.url)
        _, _, message = refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")
        assert message.endswith("because no session policy allows the sqs:sendmessage action")


def test_a_condition_has_to_hold_for_every_entry(role):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html"""
    events = role(
        allow("events:PutEvents", Condition={"StringEquals": {"events:source": "orders"}}),
    ).client("events")
    entry = {"Source": "orders", "DetailType": "OrderPlaced", "Detail": "{}"}
    events.put_events(Entries=[entry])
    code, status, message = refused(events.put_events, Entries=[entry, {**entry, "Source": "users"}])
    assert (code, status) == ("AccessDeniedException", 400)
    assert "events:PutEvents on resource: arn:aws:events:us-east-1:000000000000:event-bus/default" in message


def test_a_variable_of_a_policy_is_the_callers(aws, role):
    """Fine-grained access to a table
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
    table = name()
    aws("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/owner}"]}}
    trust = document({"Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:TagSession"]})
    worker = role(allow("dynamodb:PutItem", Condition=own))
    aws("iam").update_assume_role_policy(RoleName=worker.name, PolicyDocument=trust)
    dynamodb = worker.client("dynamodb", Tags=[{"Key": "owner", "Value": "ann"}])
    dynamodb.put_item(TableName=table, Item={"owner": {"S": "ann"}})
    assert refused(dynamodb.put_item, TableName=table, Item={"owner": {"S": "bob"}})[:2] == (
        "AccessDeniedException",
        400,
    )
    aws("dynamodb").delete_table(TableName=table)


def test_a_resource_policy_alone_lets_a_role_of_the_account_in(role, queue):
    mine = queue()
    worker = role()
    sqs = worker.client("sqs")
    assert refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")[0] == "AccessDenied"
    mine.let_in({"AWS": worker.arn})
    sqs.send_message(QueueUrl=mine.url, MessageBody="x")


def test_across_accounts_both_sides_have_to_allow(engine, queue):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html"""
    mine = queue()
    stranger = engine.client("sqs", aws_access_key_id=OTHER_ACCOUNT, aws_secret_access_key="test")
    _, _, message = refused(stranger.send_message, QueueUrl=mine.url, MessageBody="x")
    assert message.endswith("because no resource-based policy allows the sqs:sendmessage action")
    mine.let_in({"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"})
    stranger.send_message(QueueUrl=mine.url, MessageBody="x")


def test_account_root_may_do_all_that_no_resource_policy_denies(queue):
    mine = queue()
    mine.client.send_message(QueueUrl=mine.url, MessageBody="x")
    mine.let_in("*", Effect="Deny")
    _, _, message = refused(mine.client.send_message, QueueUrl=mine.url, MessageBody="x")
    assert message.startswith("User: arn:aws:iam::000000000000:root is not authorized to perform: sqs:sendmessage")
    assert message.endswith("with an explicit deny in a resource-based policy")


def test_a_user_has_the_rights_of_its_groups(aws, engine, queue):
    iam, user, group = aws("iam"), name(), name()
    mine = queue()
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    sqs = client_of(
        engine,
        "sqs",
        {
            k: v
            for k, v in iam.create_access_key(UserName=user)["AccessKey"].items()
            if k.endswith(("KeyId", "AccessKey"))
        },
    )
    _, _, message = refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")
    assert message == (
        f"User: {arn} is not authorized to perform: sqs:sendmessage on resource: {mine.arn} "
        "because no identity-based policy allows the sqs:sendmessage action"
    )
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document(allow("sqs:SendMessage")))
    iam.add_user_to_group(GroupName=group, UserName=user)
    sqs.send_message(QueueUrl=mine.url, MessageBody="x")


def test_a_managed_policy_of_aws_counts(aws, role, queue):
    mine = queue()
    reader = role()
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    aws("iam").attach_role_policy(RoleName=reader.name, PolicyArn=arn)
    sqs = reader.client("sqs")
    sqs.receive_message(QueueUrl=mine.url)
    assert refused(sqs.send_message, QueueUrl=mine.url, MessageBody="x")[0] == "AccessDenied"
    aws("iam").detach_role_policy(RoleName=reader.name, PolicyArn=arn)


def test_a_role_is_assumed_by_whom_it_trusts(role):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html"""
    trusted, other = role(), role()
    target = role(trusts={"AWS": trusted.arn})
    arguments = {"RoleArn": target.arn, "RoleSessionName": "tester"}
    trusted.client("sts").assume_role(**arguments)
    code, status, message = refused(other.client("sts").assume_role, **arguments)
    assert (code, status) == ("AccessDenied", 403)
    assert message == (
        f"User: {other.session_arn} is not authorized to perform: sts:AssumeRole on resource: {target.arn}"
    )


def test_a_key_is_used_by_whom_its_policy_lets_in(aws, role):
    """https://docs.aws.amazon.com/kms/latest/developerguide/control-access-overview.html"""
    kms = aws("kms")
    reader, by_policy = role(allow("kms:Decrypt")), role()
    account = {"AWS": "arn:aws:iam::000000000000:root"}
    key = kms.create_key(
        Policy=document(
            {"Principal": account, "Action": "kms:*", "Resource": "*"},
            {"Principal": {"AWS": by_policy.arn}, "Action": "kms:Decrypt", "Resource": "*"},
        )
    )["KeyMetadata"]["Arn"]
    text = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    for allowed in (reader, by_policy):
        assert allowed.client("kms").decrypt(CiphertextBlob=text)["Plaintext"] == b"secret"
    # Without the account in the key's policy, the policies of the account's roles do not count.
    kms.put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=document({"Principal": {"AWS": by_policy.arn}, "Action": "kms:*", "Resource": "*"}),
    )
    by_policy.client("kms").decrypt(CiphertextBlob=text)
    code, status, message = refused(reader.client("kms").decrypt, CiphertextBlob=text)
    assert (code, status) == ("AccessDeniedException", 400)
    assert message == (
        f"User: {reader.session_arn} is not authorized to perform: kms:Decrypt on resource: {key} "
        "because no resource-based policy allows the kms:Decrypt action"
    )


def test_a_grant_lets_in_for_its_operations_and_context(aws, role):
    """https://docs.aws.amazon.com/kms/latest/developerguide/grants.html"""
    kms, worker = aws("kms"), role()
    key = kms.create_key()["KeyMetadata"]["Arn"]
    context = {"tenant": "a"}
    text = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    mine = worker.client("kms")
    assert refused(mine.decrypt, CiphertextBlob=text, EncryptionContext=context)[0] == "AccessDeniedException"
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=worker.arn,
        Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": context},
    )
    assert mine.decrypt(CiphertextBlob=text, EncryptionContext=context)["Plaintext"] == b"x"
    assert refused(mine.decrypt, CiphertextBlob=text)[0] == "AccessDeniedException"
    assert refused(mine.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)[0] == "AccessDeniedException"


def test_a_secret_is_named_by_its_full_arn(aws, role):
    """A name alone does not match the policy: the ARN ends in six random characters
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html)."""
    secret = name()
    arn = aws("secretsmanager").create_secret(Name=secret, SecretString="s")["ARN"]
    reader = role(allow("secretsmanager:GetSecretValue", f"{arn.rpartition('-')[0]}-??????"))
    assert reader.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "s"
    reader.may(allow("secretsmanager:GetSecretValue", arn.rpartition("-")[0]))
    assert refused(reader.client("secretsmanager").get_secret_value, SecretId=secret)[0] == "AccessDeniedException"


def test_a_bucket_policy_lets_strangers_read(aws, engine, http):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html"""
    s3, bucket = aws("s3"), name()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="page", Body=b"hello")
    url = f"{engine.endpoint_url}/{bucket}/page"
    assert http.get(url).status_code == 403
    s3.delete_public_access_block(Bucket=bucket)
    public = {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(public))
    assert http.get(url).text == "hello"
    s3.delete_object(Bucket=bucket, Key="page")
    s3.delete_bucket(Bucket=bucket)


def test_presigned_url_has_the_permissions_of_its_signer(aws, role, http):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html"""
    s3, bucket = aws("s3"), name()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    signer = role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a"))

    def get(key: str) -> int:
        # boto3's own choice, the old signature, LocalStack 4.14.0 cannot verify with a session token.
        url = signer.client("s3", "s3v4").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        return int(http.get(url).status_code)

    assert get("a") == 200
    assert get("b") == 403
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)


def test_caller_without_permissions_may_get_caller_identity(role):
    nobody = role()
    assert nobody.client("sts").get_caller_identity()["Arn"] == nobody.session_arn


def test_a_function_has_the_rights_of_its_role(aws, role, queue):
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"""
    mine = queue()
    executes = role(allow("sqs:GetQueueAttributes"), trusts={"Service": "lambda.amazonaws.com"})
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        into.writestr("index.py", SENDING)
    functions, function = aws("lambda"), name()
    functions.create_function(
        FunctionName=function,
        Runtime="python3.11",
        Handler="index.handler",
        Role=executes.arn,
        Code={"ZipFile": packed.getvalue()},
        Timeout=20,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=function)
    event = json.dumps({"url": mine.url})
    failed = json.load(functions.invoke(FunctionName=function, Payload=event)["Payload"])
    session = f"arn:aws:sts::000000000000:assumed-role/{executes.name}/{function}"
    assert failed["errorType"] == "ClientError"
    assert failed["errorMessage"] == (
        "An error occurred (AccessDenied) when calling the SendMessage operation: "
        f"User: {session} is not authorized to perform: sqs:sendmessage on resource: {mine.arn} "
        "because no identity-based policy allows the sqs:sendmessage action"
    )
    executes.may(allow("sqs:SendMessage", mine.arn))
    assert "FunctionError" not in functions.invoke(FunctionName=function, Payload=event)
    functions.delete_function(FunctionName=function)


SENDING = """
import boto3

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event["url"], MessageBody="x")
"""


def test_function_with_role_not_trusting_lambda_is_refused(aws, role):
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"""
    for arn in (role(trusts={"Service": "events.amazonaws.com"}).arn, "arn:aws:iam::000000000000:role/nobody-made-it"):
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as into:
            into.writestr("index.py", SENDING)
        with pytest.raises(ClientError) as refusal:
            aws("lambda").create_function(
                FunctionName=name(),
                Runtime="python3.11",
                Handler="index.handler",
                Role=arn,
                Code={"ZipFile": packed.getvalue()},
            )
        assert refusal.value.response["Error"] == {
            "Code": "InvalidParameterValueException",
            "Message": "The role defined for the function cannot be assumed by Lambda.",
        }


def test_missing_object_is_access_denied_without_list_permission(aws, role):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    bucket = name()
    aws("s3").create_bucket(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}"
    reader = role(allow("s3:GetObject", f"{arn}/*"))
    code, _, message = refused(reader.client("s3").get_object, Bucket=bucket, Key="k")
    assert code == "AccessDenied"
    assert "is not authorized to perform: s3:ListBucket" in message
    reader.may(allow("s3:GetObject", f"{arn}/*"), allow("s3:ListBucket", arn))
    assert refused(reader.client("s3").get_object, Bucket=bucket, Key="k")[0] == "NoSuchKey"
    aws("s3").delete_bucket(Bucket=bucket)
