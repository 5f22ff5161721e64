"""Archives that a client passes: every operation refuses entries that would leave their folder.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import io
import stat
import zipfile
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.contract.functions import ROLE

LINK = stat.S_IFLNK | 0o777
REFUSED = "Could not unzip uploaded file. Please check your file, then try to upload again."
HANDLER = "def handler(event, context): return open(event).read()\n"


def packed(*entries) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as into:
        for name, data, *mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            into.writestr(entry, data)
    return content.getvalue()


@pytest.fixture
def victim(tmp_path):
    """A file that the archives try to overwrite."""
    file = tmp_path / "victim" / "id_rsa"
    file.parent.mkdir()
    file.write_text("mine")
    file.chmod(0o600)
    return file


@pytest.fixture
def bucket(aws):
    name = f"robust-{uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    yield name
    for listed in aws("s3").list_objects_v2(Bucket=name).get("Contents", []):
        aws("s3").delete_object(Bucket=name, Key=listed["Key"])
    aws("s3").delete_bucket(Bucket=name)


@pytest.fixture
def ways_in(aws, bucket):
    """Every call that takes an archive, by its name; each takes the bytes."""
    functions = aws("lambda")
    name = f"robust-{uuid4().hex[:12]}"
    settings = {"Runtime": "python3.11", "Handler": "index.handler", "Role": ROLE}
    functions.create_function(FunctionName=name, Code={"ZipFile": packed(("index.py", HANDLER))}, **settings)

    def in_s3(archive):
        key = uuid4().hex
        aws("s3").put_object(Bucket=bucket, Key=key, Body=archive)
        return {"S3Bucket": bucket, "S3Key": key}

    def create(code):
        functions.create_function(FunctionName=f"robust-{uuid4().hex[:12]}", Code=code, **settings)

    def publish(content):
        return functions.publish_layer_version(LayerName=f"robust-{uuid4().hex[:12]}", Content=content)

    yield {
        "CreateFunction": lambda archive: create({"ZipFile": archive}),
        "CreateFunction from S3": lambda archive: create(in_s3(archive)),
        "UpdateFunctionCode": lambda archive: functions.update_function_code(FunctionName=name, ZipFile=archive),
        "UpdateFunctionCode from S3": lambda archive: functions.update_function_code(
            FunctionName=name, **in_s3(archive)
        ),
        "PublishLayerVersion": lambda archive: publish({"ZipFile": archive}),
        "PublishLayerVersion from S3": lambda archive: publish(in_s3(archive)),
    }
    functions.delete_function(FunctionName=name)


def refusals(ways_in, archive) -> dict[str, str]:
    said = {}
    for way, hand_in in ways_in.items():
        with pytest.raises(ClientError) as refused:
            hand_in(archive)
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException", way
        said[way] = refused.value.response["Error"]["Message"]
    return said


def test_entry_below_a_link_overwrites_nothing_by_any_way(ways_in, victim):
    below = packed(("index.py", HANDLER), ("way", str(victim.parent), LINK), ("way/id_rsa", "theirs"))
    straight = packed(("index.py", HANDLER), ("key", str(victim), LINK))
    for archive, entry in ((below, "'way/id_rsa'"), (straight, "'key'")):
        said = refusals(ways_in, archive)
        assert all(message.startswith(REFUSED) and entry in message for message in said.values()), said
    assert victim.read_text() == "mine"
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600


def test_damaged_archive_is_refused_when_it_is_handed_in(ways_in):
    good = packed(("index.py", HANDLER * 20))
    place = good.index(b"index.py") + len("index.py") + 4
    for archive in (b"no zip", good[:-8], good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :]):
        assert all(message.startswith(REFUSED) for message in refusals(ways_in, archive).values())


def test_archive_that_unpacks_to_more_than_250_mb_is_refused(ways_in):
    bomb = packed(*((f"zeros-{number}", bytes(27_000_000)) for number in range(10)))
    assert len(bomb) < 1_000_000
    assert set(refusals(ways_in, bomb).values()) == {"Unzipped size must be smaller than 262144000 bytes"}


def test_code_and_layers_together_are_held_to_250_mb(aws):
    functions = aws("lambda")
    half = packed(*((f"zeros-{number}", bytes(15_000_000)) for number in range(9)))
    layer = functions.publish_layer_version(LayerName=f"robust-{uuid4().hex[:12]}", Content={"ZipFile": half})
    name = f"robust-{uuid4().hex[:12]}"
    settings = {"FunctionName": name, "Runtime": "python3.11", "Handler": "index.handler", "Role": ROLE}
    layers = [layer["LayerVersionArn"]]
    said = "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is"
    with pytest.raises(ClientError, match=said):
        functions.create_function(**settings, Code={"ZipFile": half}, Layers=layers)
    functions.create_function(**settings, Code={"ZipFile": packed(("index.py", HANDLER))}, Layers=layers)
    with pytest.raises(ClientError, match=said):
        functions.update_function_code(FunctionName=name, ZipFile=half)
    functions.update_function_configuration(FunctionName=name, Layers=[])
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    functions.update_function_code(FunctionName=name, ZipFile=half)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    with pytest.raises(ClientError, match=said):
        functions.update_function_configuration(FunctionName=name, Layers=layers)
    functions.delete_function(FunctionName=name)


def test_links_inside_code_and_layer_are_followed(aws, function):
    functions = aws("lambda")
    layer = functions.publish_layer_version(
        LayerName=f"robust-{uuid4().hex[:12]}",
        Content={
            "ZipFile": packed(("python/real/told.py", "WORD = 'layer'\n"), ("python/told.py", "real/told.py", LINK))
        },
    )
    code = packed(
        ("src/index.py", "import told\ndef handler(event, context): return told.WORD + open('data').read()\n"),
        ("index.py", "src/index.py", LINK),
        ("data", "kept/data", LINK),
        ("kept/data", " code", stat.S_IFREG | 0o600),
    )
    made = function("", Code={"ZipFile": code}, Layers=[layer["LayerVersionArn"]])
    answered = made.invoke()
    assert answered.payload == "layer code", answered.log


def test_stack_with_code_that_leaves_is_rolled_back(aws, bucket, victim):
    archive = packed(("index.py", HANDLER), ("way", str(victim.parent), LINK), ("way/id_rsa", "theirs"))
    aws("s3").put_object(Bucket=bucket, Key="code.zip", Body=archive)
    cloudformation, name = aws("cloudformation"), f"robust-{uuid4().hex[:12]}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=f"""
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Role: {ROLE}
      Code: {{S3Bucket: {bucket}, S3Key: code.zip}}
""",
    )
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    reasons = [
        e.get("ResourceStatusReason", "") for e in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any(REFUSED in reason and "'way/id_rsa'" in reason for reason in reasons), reasons
    assert victim.read_text() == "mine"
    cloudformation.delete_stack(StackName=name)


def test_inline_code_is_a_file_named_index(aws, tmp_path):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html:
    CloudFormation places the source in a file named index, so its handler names no other file, least of all elsewhere.
    """
    cloudformation, name = aws("cloudformation"), f"robust-{uuid4().hex[:12]}"
    target = tmp_path / "elsewhere"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=f"""
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.11
      Handler: {target}.handler
      Role: {ROLE}
      Code: {{ZipFile: "def handler(event, context): ..."}}
Outputs:
  Name: {{Value: !Ref Function}}
""",
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert list(tmp_path.iterdir()) == []
    cloudformation.delete_stack(StackName=name)
