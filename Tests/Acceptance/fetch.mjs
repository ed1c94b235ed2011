// What `fetch` of Node makes of a server. Arguments: the base URL and the key. Standard input: a JSON array of
// [path, body or null]; standard output: for each, a line with its status, its type and its body, as JSON. What is
// streamed is read piece by piece, and decoded as a page in a browser would.
const [base, key] = process.argv.slice(2);

let input = '';
for await (const piece of process.stdin) input += piece;

for (const [path, body] of JSON.parse(input)) {
    const headers = { Authorization: `Bearer ${key}` };
    if (body !== null) headers['Content-Type'] = 'application/json';
    const response = await fetch(base + path, {
        method: body === null ? 'GET' : 'POST',
        headers,
        body: body === null ? undefined : JSON.stringify(body),
    });
    let text = '';
    for await (const piece of response.body.pipeThrough(new TextDecoderStream('utf-8', { fatal: true }))) text += piece;
    const type = response.headers.get('content-type');
    process.stdout.write(`${JSON.stringify({ status: response.status, type, text })}\n`);
}
