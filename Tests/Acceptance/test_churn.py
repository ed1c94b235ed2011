"""The short form of what scripts/bench-http does with a hundred thousand connections and a thousand streams."""

import sys

import apus

sys.path.insert(0, str(apus.ROOT / "Benchmarks"))
import servers
import wire


def test_connections_that_come_and_go_in_every_way_leave_nothing_behind(smollm2):
    found = wire.churn(apus.BINARY, smollm2, 2, 5000)
    assert found["is_well"]
    assert found["outcomes"]["failed"] == 0
    assert found["outcomes"]["answered"] > 1000
    assert found["descriptors"] <= 0
    assert found["memory"] <= 4 << 20, found


def test_a_stream_that_waits_takes_little_memory(smollm2):
    few = {"APUS_SEQUENCES_MAX": "1", "APUS_CONTEXT": "512", "APUS_KV_MEMORY": "16MiB"}
    many = {"APUS_CONNECTIONS_MAX": "700", "APUS_QUEUE_MAX": "700"}
    with servers.apus(apus.BINARY, smollm2, 2, "q8", **few, **many) as server:
        found = wire.waiting_streams(server, 500)
    # 18 KiB when measured; 16 are wanted of a thousand.
    assert found["bytes_each"] <= 24 << 10, found
