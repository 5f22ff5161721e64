"""What the templates say: documents with line numbers, references between their parts, values known without deploying.

This package reads files and nothing else: it knows no engine, no AWS API, and no other part of the harness.
"""

from harness.topology.document import Document, Location, TemplateError, read_document
from harness.topology.intrinsics import NotStaticError, Scope, evaluate
from harness.topology.references import Reference, references
from harness.topology.template import Template

__all__ = [
    "Document",
    "Location",
    "NotStaticError",
    "Reference",
    "Scope",
    "Template",
    "TemplateError",
    "evaluate",
    "read_document",
    "references",
]
