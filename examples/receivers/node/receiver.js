// A receiver of Muniment's webhooks: verify, write down, answer; work comes afterwards.
//
//     npm ci
//     WEBHOOK_SECRET=whsec_… node receiver.js

import { randomUUID } from "node:crypto";
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const BODY_BYTES_MAX = 1024 * 1024;
const INBOX = process.env.INBOX ?? "inbox";
// Several, parted by blanks, while one takes the place of another.
const secrets = (process.env.WEBHOOK_SECRET ?? "").split(/\s+/).filter(Boolean);
const verifiers = secrets.map((secret) => new Webhook(secret));

/** The very bytes that came, of which the signature is; null when they are too many. */
async function rawBody(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > BODY_BYTES_MAX) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Whether one of the secrets has signed it, within the last five minutes. */
function isGenuine(body, headers) {
  return verifiers.some((verifier) => {
    try {
      verifier.verify(body.toString("utf8"), headers);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Write the message to a file of its id; false for a repeat. It is on disk when this is done.
 *
 * Whoever works on it reads there, and leaves the file, as it may come again.
 */
async function take(id, body) {
  const path = `${INBOX}/${id}.json`;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return false;
  const unfinished = `${INBOX}/${randomUUID()}.part`;
  await writeFile(unfinished, body, { flush: true });
  await rename(unfinished, path);
  return true;
}

async function statusFor(request) {
  if (request.method !== "POST") return 405;
  const body = await rawBody(request);
  if (body === null) return 413;
  if (!isGenuine(body, request.headers)) return 401;
  const id = request.headers["webhook-id"];
  if (await take(id, body)) console.log(JSON.parse(body).type, id);
  return 204;
}

if (verifiers.length === 0) {
  console.error("WEBHOOK_SECRET is not set: `muniment webhooks secret` prints it.");
  process.exit(1);
}
await mkdir(INBOX, { recursive: true });
const server = createServer(async (request, response) => {
  try {
    response.statusCode = await statusFor(request);
  } catch (error) {
    console.error(error);
    response.statusCode = 500; // It was not written down: Muniment will send it again.
  }
  response.end();
});
server.keepAliveTimeout = 60_000; // One connection serves many deliveries.
server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/hook`);
});
