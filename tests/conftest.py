"""Some tests import the emulator, and with it LocalStack, in this process, which needs two things before any of them does."""

import importlib.util
import os

if importlib.util.find_spec("localstack") is not None:
    from harness.emulator.host import older_python

    # An older Python needs help to read it.
    older_python.install()
    # It sets NO_PROXY to a value ("[::1]") that httpx cannot read, for every test that comes after in this process.
    before = dict(os.environ)
    import localstack.config  # noqa: F401

    os.environ.clear()
    os.environ.update(before)
