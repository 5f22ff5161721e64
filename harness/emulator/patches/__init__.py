"""Changes to code that is not ours, on record.

Every change to the behaviour of LocalStack, moto or a library below them is made by one of five functions:

- `patched` lays a function of ours around one of theirs,
- `replaced` puts a value of ours in the place of one of theirs,
- `entered` puts a value of ours into a table of theirs,
- `inserted` puts a handler of ours into a chain of theirs,
- `overrides` declares a subclass of ours that has other methods than its base.

Each is given the reason (`because`) and the page that backs it (`source`: the upstream issue, or AWS's page that the code
contradicts). What the code was that somebody read is kept in `register.json`; a target that is another now is named by
`/_harness/ready`, by `harness doctor` and in the log, with the patch and its reason. `make patches` accepts what is
installed, once it has been read, and writes the page `docs/reference/patches.md`.

The package knows no service and imports neither LocalStack nor moto.
"""

from harness.emulator.patches.changing import entered, inserted, overrides, patched, replaced
from harness.emulator.patches.register import REGISTER, Patch, PatchDifference, Register

__all__ = [
    "REGISTER",
    "Patch",
    "PatchDifference",
    "Register",
    "entered",
    "inserted",
    "overrides",
    "patched",
    "replaced",
]
