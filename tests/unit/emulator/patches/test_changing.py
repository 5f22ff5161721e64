"""How changes to foreign code are made and noted; the foreign code is a module that the test writes."""

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest

from harness.emulator.patches import changing, entered, inserted, overrides, patched, replaced
from harness.emulator.patches.register import Accepted, PatchError, Register, content_of
from harness.emulator.patches.source import file_digest, file_of, text_of

SOURCE = """
RETRIES = 3

def greet(name):
    return f"hello {name}"

class Queue:
    def put(self, message):
        return [message]

    def get(self):
        return RETRIES

    @staticmethod
    def size(items):
        return len(items)

    @classmethod
    def named(cls, name):
        return cls.__name__ + name

class Narrow(Queue):
    pass
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes the foreign module, and imports it again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    register = Register(Accepted({}))
    monkeypatch.setattr(changing, "REGISTER", register)

    def module(source: str = SOURCE) -> ModuleType:
        (tmp_path / "foreign").mkdir(exist_ok=True)
        (tmp_path / "foreign/__init__.py").write_text("")
        (tmp_path / "foreign/queues.py").write_text(source)
        for name in ("foreign", "foreign.queues"):
            sys.modules.pop(name, None)
        forget()
        importlib.invalidate_caches()
        return importlib.import_module("foreign.queues")

    module.register = register
    yield module
    for name in ("foreign", "foreign.queues"):
        sys.modules.pop(name, None)
    forget()


def forget():
    from harness.emulator.patches import source

    for cached in (file_digest, file_of, text_of, source._folder):
        cached.cache_clear()


def test_patched_method_is_given_its_original(write):
    queues = write()

    @patched(queues.Queue.put, because="messages are counted")
    def put(original, self, message):
        return [*original(self, message), "counted"]

    assert queues.Queue().put("a") == ["a", "counted"]
    [patch] = write.register.patches
    assert (patch.target, patch.how, patch.because) == ("foreign.queues:Queue.put", "wraps", "messages are counted")


def test_static_and_class_methods_stay_what_they_are(write):
    queues = write()
    patched(queues.Queue, "size", because="of the test")(lambda original, items: original(items) + 1)
    patched(queues.Queue.named, because="of the test")(lambda original, name: original(name) + "!")

    assert queues.Queue().size([1]) == queues.Queue.size([1]) == 2
    assert queues.Queue.named("x") == queues.Queue().named("x") == "Queuex!"


def test_layers_hold_whatever_is_applied_first(write):
    queues = write()
    for layer in (2, 0, 1):

        @patched(queues.Queue.put, because="of the test", layer=layer)
        def put(original, self, message, layer=layer):
            return [layer, *original(self, message)]

    assert queues.Queue().put("a") == [2, 1, 0, "a"]


def test_replacement_lies_under_patches_of_higher_layers(write):
    queues = write()
    patched(queues, "greet", because="of the test", layer=1)(lambda original, name: original(name).upper())
    replaced(queues, "greet", lambda name: f"hi {name}", because="of the test")

    assert queues.greet("ada") == "HI ADA"


def test_two_patches_of_one_layer_are_refused(write):
    queues = write()
    patched(queues.greet, because="of the test")(str)

    with pytest.raises(PatchError, match=r"greet is patched by .* at layer 0: give each a layer"):
        patched(queues, "greet", because="of the test")(lambda original, name: original(name))


def test_patch_that_is_made_again_takes_the_place_of_itself(write):
    queues = write()
    for _ in range(2):

        @patched(queues.Queue.put, because="messages are counted")
        def put(original, self, message):
            return ["counted", *original(self, message)]

    assert queues.Queue().put("a") == ["counted", "a"]


def test_missing_target_is_refused(write):
    queues = write()
    with pytest.raises(PatchError, match="Queue has no attribute delete"):
        replaced(queues.Queue, "delete", None, because="of the test")


def test_patch_without_reason_is_refused(write):
    queues = write()
    with pytest.raises(PatchError, match="needs its reason"):
        replaced(queues, "RETRIES", 5, because=" ")
    assert queues.RETRIES == 3


def test_false_condition_changes_nothing_and_is_recorded(write):
    queues = write()
    replaced(queues, "RETRIES", 5, because="of the test", when=False)

    assert queues.RETRIES == 3
    assert [patch.target for patch in write.register.patches] == ["foreign.queues:RETRIES"]


def test_handler_is_inserted_at_the_end_or_first(write):
    queues = write()
    queues.chain = SimpleNamespace(handlers=["theirs"])
    queues.listeners = ["theirs"]
    inserted(queues, "chain", "last", because="of the test")
    inserted(queues, "chain", "first", because="of the test", first=True)
    inserted(queues, "listeners", "ours", because="of the test")

    assert (queues.chain.handlers, queues.listeners) == (["first", "theirs", "last"], ["theirs", "ours"])


def test_value_is_put_into_a_table_that_others_hold(write):
    queues = write()
    queues.PAGES = held = {"list": {"size": 10}}
    entered(queues, "PAGES", ("list", "size"), 100, because="of the test")

    assert held == {"list": {"size": 100}}
    assert [(p.target, p.how) for p in write.register.patches] == [("foreign.queues:PAGES[list][size]", "replaces")]
    with pytest.raises(PatchError, match="has no table PAGES with get"):
        entered(queues, "PAGES", ("get", "size"), 100, because="of the test")


def test_subclass_names_the_methods_that_it_has_instead(write):
    queues = write()

    @overrides(because="messages are counted")
    class Counting(queues.Narrow):
        def put(self, message):
            return super().put(message)

        def count(self):
            return 0

    assert Counting().put("a") == ["a"]
    assert [(p.target, p.how) for p in write.register.patches] == [("foreign.queues:Queue.put", "overrides")]


def accept(write):
    """The register as it is accepted for the patches of this module as it stands."""
    return Accepted(content_of(write.register.patches, {"foreign": "foreign 1.0"}))


def patched_in(register, monkeypatch, queues):
    monkeypatch.setattr(changing, "REGISTER", register)
    patched(queues.Queue.put, because="messages are counted")(lambda original, self, message: original(self, message))
    replaced(queues, "RETRIES", 5, because="retries are quick")


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("", "", []),
        ("hello", "good day", []),
        ("return [message]", "return [message, None]", ["foreign.queues:Queue.put"]),
        ("RETRIES = 3", "RETRIES = 4", ["foreign.queues:RETRIES"]),
        ("class Queue:\n", "# moved\n\nclass Queue:\n", []),
    ],
)
def test_target_with_another_source_is_named(write, monkeypatch, caplog, before, after, changed):
    first = Register(Accepted({}))
    patched_in(first, monkeypatch, write())
    write.register = first
    accepted = accept(write)
    second = Register(accepted)
    caplog.clear()
    patched_in(second, monkeypatch, write(SOURCE.replace(before, after, 1)))

    assert [difference.patch.target for difference in second.differences] == changed
    assert second.to_json()["applied"] == 2
    for target in changed:
        assert target in caplog.text
        assert "is not as in foreign 1.0. Read its source, adapt the patch, then run 'make patches'." in caplog.text


def test_target_that_is_on_no_record_is_named(write, monkeypatch):
    patched_in(write.register, monkeypatch, write())
    said = [str(difference) for difference in write.register.differences]
    assert said[0].startswith("foreign.queues:Queue.put, patched by ")
    assert "because messages are counted: it is not in the register" in said[0]
