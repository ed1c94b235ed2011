"""A small HTTP/1.1 client for load: one connection a request, times taken as bytes arrive."""

import asyncio
import dataclasses
import json
import time


@dataclasses.dataclass
class Answer:
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    sent: float = 0.0
    # Of a stream: when each event with text arrived, and the tokens and the text of all.
    times: list = dataclasses.field(default_factory=list)
    tokens: int = 0
    text: str = ""
    # Whether the answer is whole.
    finished: bool = False
    ended: float = 0.0

    @property
    def first(self):
        """Seconds from the request to the first text."""
        return self.times[0] - self.sent if self.times else float("inf")

    def gaps(self, since=0.0):
        """Seconds between texts that follow each other, as far as they end after `since`."""
        return [b - a for a, b in zip(self.times, self.times[1:]) if b >= since]


def request_bytes(path, body):
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head.encode() + f"Content-Length: {len(content)}\r\n\r\n".encode() + content


async def read_head(reader, answer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    answer.status = int(head[0].split()[1])
    fields = (line.partition(":") for line in head[1:] if line)
    answer.headers = {name.strip().lower(): value.strip() for name, _, value in fields}


async def body_parts(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    elif "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    else:
        while part := await reader.read(65536):
            yield part


def connect(place):
    """`place` is a port of this machine, or the path of a unix socket; a zero byte first means a name without a file."""
    return asyncio.open_unix_connection(place) if isinstance(place, str) else asyncio.open_connection("127.0.0.1", place)


async def post(place, path, body, answer=None):
    """Sends a request and reads its answer to the end; a stream's events are timed as they come.

    What was read before an error or a cancellation stays in `answer`.
    """
    answer = answer or Answer()
    reader, writer = await connect(place)
    try:
        answer.sent = time.perf_counter()
        writer.write(request_bytes(path, body))
        await read_head(reader, answer)
        pending = b""
        async for part in body_parts(reader, answer.headers):
            now = time.perf_counter()
            if "event-stream" not in answer.headers.get("content-type", ""):
                answer.body += part
                continue
            *events, pending = (pending + part).split(b"\n\n")
            for event in events:
                take_event(answer, event, now)
        answer.finished = answer.finished or bool(answer.body)
        answer.ended = time.perf_counter()
        return answer
    finally:
        writer.close()


def take_event(answer, event, now):
    data = b"".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
    if not data:
        return
    if data == b"[DONE]":
        answer.finished = True
        return
    value = json.loads(data)
    if usage := value.get("usage"):
        answer.tokens = usage["completion_tokens"]
    for choice in value.get("choices", []):
        text = choice.get("text") or (choice.get("delta") or {}).get("content")
        if text:
            answer.times.append(now)
            answer.text += text


async def get(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        answer = Answer(sent=time.perf_counter())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        await read_head(reader, answer)
        async for part in body_parts(reader, answer.headers):
            answer.body += part
        answer.ended = time.perf_counter()
        return answer
    finally:
        writer.close()
