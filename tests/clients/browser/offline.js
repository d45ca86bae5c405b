// Offline-first devices in a browser: npm kinto's own build, on the browser's IndexedDB, against a
// server on another origin that reads its lists in pages of three, asks to slow down and will end.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { basic } from "../node/running.js";
import { bucketId, page, runSteps, url } from "./browser.js";
import { serve } from "./site.js";

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script src="kinto.min.js"></script>`;

const BUCKET = `/buckets/${bucketId}`;
const COLLECTION = `${BUCKET}/collections/stations`;

const library = join(dirname(fileURLToPath(import.meta.url)), "node_modules", "kinto", "dist");
const origin = await serve(PAGE, library);
assert.notEqual(origin, new URL(url).origin);

// Asks Muniment past the browser.
async function ask(method, path) {
  const answer = await fetch(`${url}${path}`, { method, headers: basic("nadia") });
  assert.ok(answer.ok, `${answer.status} to ${method} ${path}`);
}

async function make() {
  await ask("PUT", BUCKET);
  await ask("PUT", COLLECTION);
}

// What the page keeps between steps: two devices of Nadia, and how to make more.
function prepare({ url, bucket, authorizations }) {
  window.newDevice = (dbName, { user = "nadia", events } = {}) =>
    new Kinto.default({
      remote: url,
      bucket,
      headers: authorizations[user],
      adapterOptions: { dbName },
      events,
    }).collection("stations");
  window.newEvents = () => {
    const listeners = [];
    return {
      on: (name, listener) => listeners.push([name, listener]),
      emit: (name, value) => listeners.forEach(([at, listen]) => at === name && listen(value)),
    };
  };
  window.held = async (device) => {
    const { data } = await device.list({ order: "id" });
    return data.map(({ id, n }) => `${id}${n}`).join(" ");
  };
  window.devices = [window.newDevice("one"), window.newDevice("other")];
  window.syncBoth = (options) =>
    Promise.all(window.devices.map((device) => device.sync(options)));
}

await runSteps({
  // C-2 to C-4, CORS-3: `ETag` and `Next-Page` are read across origins; both hold all records.
  async devices_sync_at_the_same_moment() {
    await make();
    await page.goto(origin);
    const authorizations = { nadia: basic("nadia"), omar: basic("omar") };
    await page.evaluate(prepare, { url, bucket: bucketId, authorizations });
    const both = await page.evaluate(async () => {
      for (const [place, device] of devices.entries()) {
        for (const letter of "abcd") {
          await device.create({ id: `${letter}${place}`, n: 1 }, { useRecordId: true });
        }
      }
      await syncBoth();
      await syncBoth();
      return Promise.all(devices.map(held));
    });
    assert.equal(both[0], "a01 a11 b01 b11 c01 c11 d01 d11");
    assert.equal(both[1], both[0]);
  },

  // C-7, C-8, CORS-5: `If-Match` and `If-None-Match` across origins; a tombstone arrives.
  async changes_and_tombstones_arrive() {
    const both = await page.evaluate(async () => {
      const [one, other] = devices;
      await one.update({ id: "a0", n: 2 });
      await one.delete("b0");
      await one.sync();
      await other.sync();
      return Promise.all(devices.map(held));
    });
    assert.deepEqual(both, Array(2).fill("a02 a11 b11 c01 c11 d01 d11"));
  },

  // C-8.
  async conflict_is_settled() {
    const both = await page.evaluate(async () => {
      const [one, other] = devices;
      await one.update({ id: "a0", n: 3 });
      await other.update({ id: "a0", n: 4 });
      await one.sync();
      await other.sync({ strategy: "client_wins" });
      await one.sync();
      return Promise.all(devices.map(held));
    });
    assert.deepEqual(both, Array(2).fill("a04 a11 b11 c01 c11 d01 d11"));
  },

  // CORS-6, C-20: the page reads the body of a refusal.
  async refusal_is_read() {
    const errno = await page.evaluate(() =>
      newDevice("stranger", { user: "omar" })
        .sync()
        .then(
          () => "not refused",
          (error) => error.data.errno,
        ),
    );
    assert.equal(errno, 121);
  },

  // C-13, SIG-1, SIG-3, CORS-3: `Backoff` and `Alert` are read across origins, and heeded.
  async backoff_and_alert_are_heeded() {
    const [alert, second] = await page.evaluate(async () => {
      const events = newEvents();
      let alert;
      events.on("deprecated", (given) => (alert = given));
      const device = newDevice("slow", { events });
      await device.sync();
      return [alert, await device.sync().then(() => "synced", String)];
    });
    assert.equal(alert.code, "soft-eol");
    assert.match(second, /Server is asking clients to back off; retry in \d+s/);
  },

  // C-6, FL-1.
  async flush_is_noticed() {
    await ask("POST", "/__flush__");
    await make();
    const [told, held] = await page.evaluate(async () => {
      const [one, other] = devices;
      const told = await one.sync().then(() => "synced", String);
      await one.resetSyncStatus();
      await one.sync();
      await other.sync();
      return [told, await Promise.all(devices.map(window.held))];
    });
    assert.match(told, /Server has been flushed/);
    assert.deepEqual(held, Array(2).fill("a04 a11 b11 c01 c11 d01 d11"));
  },
});
