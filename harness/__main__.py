"""The program `harness`: prepares the process before the first import, which takes a second, and runs the command."""

import os
import signal
import sys

_STREAMS = ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY))


def main() -> None:
    """Run the command and end the process with its exit code (`harness.cli.Exit`)."""
    _open_what_is_closed()
    _write_any_text()
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt is not signal.SIG_IGN:
        # Ctrl-C during the imports ends this program as it ends others: immediately, and without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from harness import bytecode

        bytecode.keep_for_this_process()
        from harness import cli
    except ImportError as error:
        _say(
            f"The installation in {sys.prefix} is not complete: {error}. Install the package again: 'make clean up' in a "
            "checkout, else 'pip install --force-reinstall serverless-harness'."
        )
        sys.exit(1)
    except OSError as error:
        _say(f"The modules of the program cannot be read: {error}. Check the rights of {sys.prefix}.")
        sys.exit(1)
    if interrupt is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


def _open_what_is_closed() -> None:
    """A standard stream that the caller closed (`>&-`) reads and writes nothing. Otherwise the next file or connection
    would get its number, and with it the printed output."""
    for descriptor, mode in _STREAMS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # the lowest free number, which is this one
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115 - as long as the process lives
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115


def _write_any_text() -> None:
    """Characters that the encoding of a stream does not have (ASCII has no ✓) are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _say(message: str) -> None:
    sys.stderr.write(f"Error  {message}\n")


if __name__ == "__main__":
    main()
