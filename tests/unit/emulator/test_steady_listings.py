from harness.emulator.steady_listings import Steady


def test_what_is_added_while_it_is_listed_is_no_error():
    there = Steady(one=1, two=2)
    for listing in (there, there.keys(), there.values(), there.items()):
        told = []
        for entry in listing:
            there[f"another {len(there)}"] = 0
            told.append(entry)
        assert len(told) < len(there)
