"""Fixtures that contract tests of several services use."""

from tests.contract.functions import function, queue
from tests.contract.without_harness import endpoint_without_harness

__all__ = ["endpoint_without_harness", "function", "queue"]
