"""Many requests at one moment, each on a connection of its own that is open before. A tight loop over epoll, because
the client must not be what is slow."""

import dataclasses
import select
import socket
import time

SECONDS_MAX = 300


@dataclasses.dataclass
class Outcome:
    sent: float = 0.0
    first: float = 0.0
    bytes: bytearray = dataclasses.field(default_factory=bytearray)

    @property
    def status(self):
        return int(self.bytes.split(b" ", 2)[1]) if self.bytes.startswith(b"HTTP/1.1 ") else 0

    @property
    def headers(self):
        lines = bytes(self.bytes).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {line.partition(":")[0].strip().lower(): line.partition(":")[2].strip() for line in lines}

    @property
    def body(self):
        return bytes(self.bytes).partition(b"\r\n\r\n")[2]


def send(port, requests):
    """Sends all requests and reads every answer to the end of its connection: [Outcome], in order."""
    outcomes = [Outcome() for _ in requests]
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in requests]
    poll, index = select.epoll(), {}
    for i, connection in enumerate(connections):
        connection.setblocking(False)
        index[connection.fileno()] = i
        poll.register(connection, select.EPOLLIN)

    def take(timeout):
        for number, _ in poll.poll(timeout):
            now = time.perf_counter()
            i = index[number]
            try:
                data = connections[i].recv(1 << 16)
            except ConnectionError:
                data = b""
            if data:
                outcomes[i].first = outcomes[i].first or now
                outcomes[i].bytes += data
            else:
                poll.unregister(number)
                connections[i].close()
                del index[number]

    for connection, outcome, request in zip(connections, outcomes, requests):
        outcome.sent = time.perf_counter()
        connection.send(request)
        take(0)
    deadline = time.perf_counter() + SECONDS_MAX
    while index and time.perf_counter() < deadline:
        take(1)
    for i in index.values():
        connections[i].close()
    return outcomes
