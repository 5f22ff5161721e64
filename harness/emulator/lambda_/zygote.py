"""The zygote: a process that forks execution environments.

It runs as a script of the interpreter that runs the functions (`zygote.py RUNTIME_PACKAGES`), so it imports nothing
but the standard library, and, before the first fork, boto3: a fresh interpreter takes 0.3 s to import it, a fork
none. It must not import `awslambdaric` before the fork, whose C part reads the Runtime API's address when it is
imported.

Protocol, on the Unix socket that is its standard input: a request is its length (four bytes, together with two file
descriptors: the environment's output, and the socket to report to) and that many bytes of JSON. `{"argv":
[...]}` runs a program; `{"argv": null}` runs `awslambdaric`. On the report socket it writes `{"pid": n}` and, when
the process has ended, `{"status": n, "peak_resident_bytes": n}`, with the status as `os.waitpid` gives it. When the
socket is closed, because the engine ended in whatever way, every environment is killed.
"""

# Lambda's older Pythons run this, too.
from __future__ import annotations

import array
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import Any

PRELOADED = ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six")
"""What boto3 brings. A function or layer that packages one of these must get its own."""
SDK = ("boto3", "botocore", "s3transfer", "urllib3")
PR_SET_PDEATHSIG = 1
FILE_DESCRIPTORS = 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; the engine, whose limits it has, takes more."""


def preload(runtime_packages: str) -> None:
    sys.path.append(runtime_packages)
    import boto3

    # Building any client loads the parts of botocore that importing it leaves for later.
    boto3.client("sts", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def die_with_parent(parent: int | None = None) -> None:
    """Linux only; elsewhere the zygote kills the rest when its socket is closed. `parent` is the process that forked."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent is not None and os.getppid() != parent:
            # It ended between the fork and the call above, and sends no signal any more.
            os._exit(1)


def limit_file_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = FILE_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(FILE_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def forget_what_the_function_packages(path: list[str]) -> None:
    """A function that packages the SDK gets its own, as on AWS, where /var/task and /opt come before /var/runtime."""

    def packaged(name: str) -> bool:
        return any(os.path.exists(os.path.join(p, name)) or os.path.exists(os.path.join(p, name + ".py")) for p in path)

    shadowed = [name for name in PRELOADED if packaged(name)]
    forget = PRELOADED if any(name in SDK for name in shadowed) else shadowed
    for module in list(sys.modules):
        if module.partition(".")[0] in forget:
            del sys.modules[module]


def look_where_the_environment_says() -> None:
    """The session of the zygote's first client has read the variable that says where botocore's data is; a function's
    comes later."""
    given = [path for path in os.environ.get("AWS_DATA_PATH", "").split(os.pathsep) if path]
    session = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
    if given and session is not None:
        session._loader.search_paths[:0] = given


def become_environment(request: dict[str, Any], output: int, zygote: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    die_with_parent(zygote)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 1024)
    limit_file_descriptors()
    # As on AWS; the engine's own is 077.
    os.umask(0o022)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    if request["argv"] is not None:
        try:
            os.execvpe(request["argv"][0], request["argv"], os.environ)
        except OSError as error:
            os.write(1, f"{request['argv'][0]}: {error.strerror}\n".encode())
            os._exit(127)
    sys.stdout = os.fdopen(1, "w", 1, encoding="utf-8", errors="backslashreplace")
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace")
    # AWS's order: the function, its layers, the runtime (boto3), the standard library.
    # https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
    sys.path[:] = [*request["path"], *(p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__)))]
    forget_what_the_function_packages(request["path"])
    look_where_the_environment_says()
    import time

    time.tzset()
    import awslambdaric.__main__ as runtime_client

    # The function's bytecode lies next to its code, which is another folder at each deployment.
    sys.pycache_prefix = None

    runtime_client.main(["awslambdaric", request["environment"]["_HANDLER"]])


def receive(control: socket.socket) -> tuple[dict[str, Any], int, int] | None:
    """One request and its file descriptors; None when the engine has ended."""
    descriptors: array.array[int] = array.array("i")
    header, ancillary, _flags, _address = control.recvmsg(4, socket.CMSG_LEN(2 * descriptors.itemsize))
    if len(header) < 4:
        return None
    for _level, _kind, data in ancillary:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    body = b""
    while len(body) < int.from_bytes(header, "big"):
        body += control.recv(int.from_bytes(header, "big") - len(body))
    output, reports = descriptors
    return json.loads(body), output, reports


def report(descriptor: int, **what: int) -> None:
    try:
        os.write(descriptor, json.dumps(what).encode() + b"\n")
    except OSError:
        pass  # the engine reads no report any more


def reap(running: dict[int, int]) -> None:
    while running:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        descriptor = running.pop(pid)
        # Kilobytes, but bytes on macOS.
        scale = 1 if sys.platform == "darwin" else 1024
        report(descriptor, status=status, peak_resident_bytes=usage.ru_maxrss * scale)
        os.close(descriptor)


def main(runtime_packages: str) -> None:
    preload(runtime_packages)
    control = socket.socket(fileno=0)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: dict[int, int] = {}
    watched: list[Any] = [control, wake_read]
    while True:
        readable, _, _ = select.select(watched, [], [])
        if wake_read in readable:
            os.read(wake_read, 4096)
            reap(running)
        if control in readable:
            received = receive(control)
            if received is None:
                break
            request, output, reports = received
            zygote = os.getpid()
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    become_environment(request, output, zygote)
                except SystemExit as leaving:
                    code = leaving.code if isinstance(leaving.code, int) else 1
                except BaseException:
                    import traceback

                    traceback.print_exc()
                finally:
                    os._exit(code)
            os.close(output)
            running[pid] = reports
            report(reports, pid=pid)
    for pid in running:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


if __name__ == "__main__":
    main(sys.argv[1])
