"""What stands in a function's log (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html)."""

import json
import re
from uuid import uuid4

from tests.contract.functions import log_lines


def test_the_log_of_a_cold_start_has_start_lines_end_and_report(function, aws):
    made = function("import sys\ndef handler(event, context):\n    print('out')\n    print('err', file=sys.stderr)\n")

    result = made.invoke()

    lines = log_lines(aws, f"/aws/lambda/{made.name}", lambda lines: any(line.startswith("REPORT") for line in lines))
    request_id = re.fullmatch(r"START RequestId: (\S+) Version: \$LATEST\n", lines[0])[1]
    assert sorted(lines[1:3]) == ["err\n", "out\n"]
    assert lines[3] == f"END RequestId: {request_id}\n"
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n",
        lines[4],
    )
    assert result.log.splitlines()[-1] == lines[4].removesuffix("\n")


def test_only_a_cold_start_reports_an_init_duration(function):
    made = function("def handler(event, context): ...\n")

    assert ["Init Duration" in made.invoke().report for _ in range(3)] == [True, False, False]


def test_the_reported_memory_is_what_the_function_used(function):
    made = function("def handler(event, context):\n    bytearray(event)[::4096]\n", MemorySize=512)

    small, large = (
        int(re.search(r"Max Memory Used: (\d+) MB", made.invoke(size).report)[1]) for size in (1, 200_000_000)
    )

    assert small < 120
    assert 190 < large < 320


def test_output_of_a_thread_after_the_result_is_in_the_next_log(function):
    source = """
        import threading
        go, wrote = threading.Event(), threading.Event()
        def write():
            go.wait()
            print("from the thread", flush=True)
            wrote.set()
        threading.Thread(target=write, daemon=True).start()
        def handler(event, context):
            if event == "go":
                go.set()
                wrote.wait()
    """
    made = function(source)

    assert "from the thread" not in made.invoke("first").log
    assert "from the thread" in made.invoke("go").log


def test_a_log_group_of_ones_own_is_written_to(function, aws):
    group = f"/contract/{uuid4().hex[:12]}"
    made = function("def handler(event, context): print('here')\n", LoggingConfig={"LogGroup": group})

    made.invoke()

    assert "here\n" in log_lines(aws, group, lambda lines: "here\n" in lines)
    aws("logs").delete_log_group(logGroupName=group)


def test_log_streams_of_a_shared_group_name_their_function(function, aws):
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html"""
    group = f"/contract/{uuid4().hex[:12]}"
    source = "def handler(event, context): print(context.log_stream_name)\n"
    made = [function(source, LoggingConfig={"LogGroup": group}) for _ in range(2)]

    for one in made:
        one.invoke()

    log_lines(aws, group, lambda lines: sum(line.startswith("REPORT") for line in lines) == 2)
    streams = [s["logStreamName"] for s in aws("logs").describe_log_streams(logGroupName=group)["logStreams"]]
    for one in made:
        [stream] = [s for s in streams if one.name in s]
        assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{one.name}\[\$LATEST\]\[[0-9a-f-]+\]", stream)
        assert f"{stream}\n" in one.invoke().log
    aws("logs").delete_log_group(logGroupName=group)


def test_a_json_log_has_json_objects_for_start_lines_and_report(function):
    source = "import logging\ndef handler(event, context):\n    logging.getLogger().warning('low on %s', 'film')\n"
    made = function(source, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"})

    start, line, report = map(json.loads, made.invoke().log.splitlines())

    assert start["type"] == "platform.start"
    assert start["record"]["version"] == "$LATEST"
    assert (line["level"], line["message"]) == ("WARNING", "low on film")  # as AWS's runtime client for Python names it
    assert line["requestId"] == start["record"]["requestId"] == report["record"]["requestId"]
    assert (report["type"], report["record"]["status"]) == ("platform.report", "success")
    assert {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"} == set(
        report["record"]["metrics"]
    )


def test_a_json_log_leaves_out_what_is_below_its_level(function):
    source = "import logging\ndef handler(event, context):\n    logging.getLogger().warning('low on film')\n"
    logging_config = {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "SystemLogLevel": "WARN"}
    made = function(source, LoggingConfig=logging_config)

    assert made.invoke().log == ""
