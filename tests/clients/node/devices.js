// Offline-first clients: npm kinto, unmodified, each with an IndexedDB of its own as on a device.
// Scripts that use them are called as: node <script> <url of /v1> <bucket>

import assert from "node:assert/strict";
import "fake-indexeddb/auto";
import { createRequire } from "node:module";
import { basic, run } from "./running.js";

const Kinto = createRequire(import.meta.url)("kinto").default;

export const COLLECTION = "stations";
export const { MANUAL, CLIENT_WINS, SERVER_WINS, PULL_ONLY } = Kinto.syncStrategy;
export const [url, bucketPrefix] = process.argv.slice(2);

let made = 0;

// The collection on a new device; `options` are the collection's own, as for its hooks.
export function newDevice({ at = url, user = "nadia", bucket, options = {} }) {
  const adapterOptions = { dbName: `device-${++made}` };
  const kinto = new Kinto({ remote: at, bucket, headers: basic(user), adapterOptions });
  return kinto.collection(COLLECTION, options);
}

// The collection on the server, by the client's own requests.
export function remote(device) {
  return device.api.bucket(device.bucket).collection(COLLECTION);
}

// Makes the bucket and the collection, both empty.
export async function make(device) {
  await device.api.createBucket(device.bucket);
  await device.api.bucket(device.bucket).createCollection(COLLECTION);
}

// Makes records with ids of their own choice.
export async function create(device, ...records) {
  for (const record of records) await device.create(record, { useRecordId: true });
}

// What a device holds, by id, without the client's own mark.
export async function held(device) {
  const { data } = await device.list();
  return byId(data.map(({ _status, ...record }) => record));
}

// What the server holds, in the same form.
export async function stored(device) {
  const { data } = await remote(device).listRecords({ pages: Infinity });
  return byId(data);
}

export function ids(records) {
  return records.map((record) => record.id).sort();
}

// Both devices and the server hold the same, and these ids.
export async function assertSame(one, other, expected) {
  const here = await held(one);
  assert.deepEqual(Object.keys(here).sort(), [...expected].sort());
  assert.deepEqual(await held(other), here);
  assert.deepEqual(await stored(one), here);
}

// Both devices hold the record `a`.
export async function shareOne({ one, other }) {
  await create(one, { id: "a", n: 1 });
  await one.sync();
  await other.sync();
}

// Each case gets two devices, `one` and `other`, of one user on an empty collection of its own, and
// `newOne` for more of them.
export function runWithDevices(cases) {
  return run(cases, async (name) => {
    const bucket = `${bucketPrefix}-${name.replaceAll("_", "-")}`;
    const newOne = (options) => newDevice({ bucket, options });
    const [one, other] = [newOne(), newOne()];
    await make(one);
    return { one, other, newOne };
  });
}

function byId(records) {
  return Object.fromEntries(records.map((record) => [record.id, record]));
}
