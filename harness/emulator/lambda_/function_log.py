"""The lines that Lambda itself writes to a function's log, as text or as JSON.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    """How a function's LoggingConfig wants its log. `system_level` (DEBUG, INFO or WARN) counts for JSON only."""

    json: bool = False
    system_level: str = "INFO"


@dataclass(frozen=True, slots=True)
class Report:
    """What one invocation took. `init_seconds` is set for an environment's first, `status` (`error`, `timeout`) and
    `error_type` when it failed outside of the handler."""

    request_id: str
    version: str
    seconds: float
    memory_megabytes: int
    peak_bytes: int
    init_seconds: float | None = None
    status: str | None = None
    error_type: str | None = None

    @property
    def peak_megabytes(self) -> int:
        return min(self.memory_megabytes, math.ceil(self.peak_bytes / MEGABYTE))

    @property
    def billed_milliseconds(self) -> int:
        return max(1, math.ceil(self.seconds * 1000))


def invocation_log(report: Report, output: str, log_format: Format) -> str:
    """The log of one invocation: the lines that frame it around what the function wrote."""
    if output and not output.endswith("\n"):
        output += "\n"
    return _as_json(report, output, log_format.system_level) if log_format.json else _as_text(report, output)


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_text(report: Report, output: str) -> str:
    init = f"\tInit Duration: {report.init_seconds * 1000:.2f} ms" if report.init_seconds is not None else ""
    status = f"\tStatus: {report.status}" if report.status else ""
    error_type = f"\tError Type: {report.error_type}" if report.error_type else ""
    return (
        f"START RequestId: {report.request_id} Version: {report.version}\n"
        f"{output}"
        f"END RequestId: {report.request_id}\n"
        f"REPORT RequestId: {report.request_id}\tDuration: {report.seconds * 1000:.2f} ms"
        f"\tBilled Duration: {report.billed_milliseconds} ms\tMemory Size: {report.memory_megabytes} MB"
        f"\tMax Memory Used: {report.peak_megabytes} MB{init}{status}{error_type}\t\n"
    )


def _as_json(report: Report, output: str, system_level: str) -> str:
    metrics: dict[str, Any] = {
        "durationMs": round(report.seconds * 1000, 3),
        "billedDurationMs": report.billed_milliseconds,
        "memorySizeMB": report.memory_megabytes,
        "maxMemoryUsedMB": report.peak_megabytes,
    }
    if report.init_seconds is not None:
        metrics["initDurationMs"] = round(report.init_seconds * 1000, 3)
    ended: dict[str, Any] = {"requestId": report.request_id, "metrics": metrics, "status": report.status or "success"}
    if report.error_type:
        ended["errorType"] = report.error_type
    start = _event("platform.start", {"requestId": report.request_id, "version": report.version})
    end = _event("platform.report", ended)
    if system_level == "WARN":
        # Only what went wrong.
        return output + (end if report.status else "")
    return start + output + end


def _event(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": timestamp(), "type": kind, "record": record}) + "\n"
