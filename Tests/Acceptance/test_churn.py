"""The short form of what scripts/bench-http does with a hundred thousand connections."""

import sys

import apus

sys.path.insert(0, str(apus.ROOT / "Benchmarks"))
import wire


def test_connections_that_come_and_go_in_every_way_leave_nothing_behind(smollm2):
    found = wire.churn(apus.BINARY, smollm2, 2, 5000)
    assert found["is_well"]
    assert found["outcomes"]["failed"] == 0
    assert found["outcomes"]["answered"] > 1000
    assert found["descriptors"] <= 0
    assert found["memory"] <= 4 << 20, found
