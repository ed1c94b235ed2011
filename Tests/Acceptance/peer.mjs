// What Node's HTTP server makes of bytes. Standard input: a length in 4 bytes, big-endian, then so many bytes that a
// client sends before it ends its side; again and again. Standard output: for each, a line with the number of requests
// that were complete, bodies included.
import http from 'node:http';
import { Duplex } from 'node:stream';

/** A connection without a kernel. */
class Pipe extends Duplex {
    requests = [];
    _read() {}
    _write(_bytes, _encoding, done) { done(); }
    setTimeout() { return this; }
    setKeepAlive() { return this; }
    setNoDelay() { return this; }
    ref() { return this; }
    unref() { return this; }
    destroySoon() { this.destroy(); }
}

const server = http.createServer((request, response) => {
    request.socket.requests.push(request);
    request.resume();
    response.end();
});
server.on('clientError', (_error, pipe) => pipe.destroy());

/** Everything that is due has happened. */
async function settle() {
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

async function countRequests(bytes) {
    const pipe = new Pipe({ allowHalfOpen: true });
    pipe.on('error', () => {});
    server.emit('connection', pipe);
    pipe.push(bytes);
    await settle();
    // The parser sets this when the last byte of the body has come.
    const count = pipe.requests.filter((request) => request.complete).length;
    pipe.destroy();
    await settle();
    return count;
}

let waiting = Buffer.alloc(0);
for await (const piece of process.stdin) {
    waiting = Buffer.concat([waiting, piece]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE(0)) {
        const end = 4 + waiting.readUInt32BE(0);
        process.stdout.write(`${await countRequests(waiting.subarray(4, end))}\n`);
        waiting = waiting.subarray(end);
    }
}
