"""Fixtures that contract tests of several services use."""

from tests.contract.functions import function, queue

__all__ = ["function", "queue"]
