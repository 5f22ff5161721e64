import base64
import re
import zipfile

from harness.emulator.host import older_python

older_python.install()  # lets LocalStack be imported on Python 3.11

from localstack.utils import testutil  # noqa: E402
from localstack.utils.xray.trace_header import TraceHeader  # noqa: E402

from harness.emulator.lambda_ import creation  # noqa: E402
from harness.emulator.lambda_.asynchronous import dead_letter_attributes  # noqa: E402
from harness.emulator.lambda_.executor import environment_variables, python_path  # noqa: E402
from harness.emulator.lambda_.invocation_metadata import client_context, own_segment  # noqa: E402


def test_trace_without_a_caller_begins_with_a_new_root():
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1", own_segment(None))


def test_a_caller_that_is_not_sampled_stays_so():
    header = own_segment(TraceHeader(root="1-a-b", parent="caller", sampled=0))

    assert header.startswith("Root=1-a-b;")
    assert header.endswith(";Sampled=0")
    assert "Parent=caller" not in header


def test_a_client_context_is_decoded():
    assert client_context(base64.b64encode(b'{"custom": {}}').decode()) == '{"custom": {}}'
    assert client_context(None) == ""


def test_dead_letter_error_message_is_cut_at_one_kilobyte():
    attributes = dead_letter_attributes("r", b'{"errorMessage": "%s"}' % ("é" * 1000).encode())

    assert len(attributes["ErrorMessage"]["StringValue"].encode()) == 1024


def test_an_event_that_never_ran_has_no_error_message():
    assert set(dead_letter_attributes("r", None)) == {"RequestID", "ErrorCode"}


def test_python_path_has_code_then_later_before_earlier_layers():
    assert python_path("/code", ["/one", "/two"], "python3.12") == [
        "/code",
        "/two/python/lib/python3.12/site-packages",
        "/one/python/lib/python3.12/site-packages",
        "/two/python",
        "/one/python",
    ]


def test_a_function_s_own_python_path_names_the_folders_of_aws():
    found = python_path("/code", ["/one", "/two"], "python3.12", "/var/task/vendor:/opt/extra:/elsewhere:/optional")

    assert found[:6] == ["/code", "/code/vendor", "/two/extra", "/one/extra", "/elsewhere", "/optional"]


def test_a_function_s_own_variable_wins_over_a_default():
    given = {"HOME": "/mine", "LOCALSTACK_HOSTNAME": "hidden"}

    variables = environment_variables(given, "python3.12", "/code", [], "/tmp/one")

    assert variables["HOME"] == "/mine"
    assert "LOCALSTACK_HOSTNAME" not in variables


def test_inline_code_is_packed_without_the_program_zip(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(testutil, "create_zip_file_cli", None)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("x = 1\n")

    creation.zip_inline_code_without_a_program()
    packed = tmp_path / "packed.zip"
    testutil.create_zip_file_cli(str(tmp_path / "code"), str(tmp_path / "code"), str(packed))

    assert zipfile.ZipFile(packed).namelist() == ["index.py"]
