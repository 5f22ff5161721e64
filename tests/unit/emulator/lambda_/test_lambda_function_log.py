import json

from harness.emulator.lambda_.function_log import Format, Report, invocation_log

REPORT = Report(
    request_id="r", version="$LATEST", seconds=0.0012, memory_megabytes=128, peak_bytes=40 * 1024 * 1024 + 1
)


def test_the_billed_duration_is_the_next_whole_millisecond():
    assert "Duration: 1.20 ms\tBilled Duration: 2 ms" in invocation_log(REPORT, "", Format())


def test_peak_memory_is_rounded_up_and_capped_at_function_memory():
    assert REPORT.peak_megabytes == 41
    assert Report("r", "1", 1.0, memory_megabytes=128, peak_bytes=10**9).peak_megabytes == 128


def test_a_last_line_without_its_end_is_ended():
    assert "\nno end\nEND RequestId: r\n" in invocation_log(REPORT, "no end", Format())


def test_json_log_at_warn_reports_failures_only():
    quiet = Format(json=True, system_level="WARN")
    failed = Report("r", "1", 1.0, 128, 1, status="error", error_type="Runtime.ExitError")

    assert invocation_log(REPORT, "", quiet) == ""
    assert json.loads(invocation_log(failed, "", quiet))["record"]["errorType"] == "Runtime.ExitError"
