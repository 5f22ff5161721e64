"""Unit tests of the emulator import LocalStack in this process, where an older Python needs help to read it."""

import importlib.util

if importlib.util.find_spec("localstack") is not None:
    from harness.emulator import older_python

    older_python.install()
