// Two devices of one user, offline-first, and a server that was emptied, or only seems so.

import assert from "node:assert/strict";
import {
  COLLECTION,
  assertSame,
  create,
  ids,
  make,
  newDevice,
  remote,
  runWithDevices,
  shareOne,
  stored,
  url,
} from "./devices.js";

async function flush(device) {
  await device.api.http.request(`${url}/__flush__`, { method: "POST" });
}

async function assertToldFlushed(device) {
  const error = await device.sync().then(
    () => assert.fail("the flush was not noticed"),
    (error) => error,
  );
  assert.match(error.message, /^Server has been flushed/);
  assert.ok(error.serverTimestamp > Number(error.clientTimestamp));
}

const cases = {
  // C-6: neither reads nor no-ops nor refusals nor past-dated creations look like a flush.
  async no_flush_is_seen_without_one({ one, other }) {
    await shareOne({ one, other });
    const there = remote(one);
    const timestamp = await there.getRecordsTimestamp();
    await there.listRecords({ filters: { n: 7 } });
    await there.getTotalRecords();
    await assert.rejects(there.createRecord({ id: "a" }, { safe: true }), /412/);
    await assert.rejects(there.deleteRecord("none"), /404/);
    await assert.rejects(there.createRecord({ id: "!" }), /400/);
    await there.deleteRecords({ filters: { n: 7 } });
    await there.createRecord({ id: "past", last_modified: 1234567890123 });
    await one.api.bucket(one.bucket).setData({ x: 1 });
    await there.setData({ y: 1 });
    assert.equal(await there.getRecordsTimestamp(), timestamp);
    for (const device of [one, other]) assert.equal((await device.sync()).ok, true);
  },

  // C-6, FL-1, TS-4: both notice; what each holds is published again, once.
  async flushed_server_is_filled_again({ one, other }) {
    await create(one, { id: "a", n: 1 }, { id: "b", n: 1 });
    await one.sync();
    await other.sync();
    await flush(one);
    await make(one);
    await assertToldFlushed(one);
    await assertToldFlushed(other);
    assert.equal(await one.resetSyncStatus(), 2);
    assert.deepEqual(ids((await one.sync()).published), ["a", "b"]);
    assert.equal(await other.resetSyncStatus(), 2);
    const result = await other.sync();
    assert.equal(result.ok, true);
    assert.deepEqual(result.published, []);
    await assertSame(one, other, ["a", "b"]);
  },

  // C-6, FL-1, DEF-3, DEF-4: the user's own bucket is there again by itself.
  async flushed_default_bucket() {
    const [one, other] = [newDevice({ bucket: "default" }), newDevice({ bucket: "default" })];
    await shareOne({ one, other });
    await flush(one);
    await assertToldFlushed(one);
    await one.resetSyncStatus();
    assert.deepEqual(ids((await one.sync()).published), ["a"]);
    await other.sync();
    await assertSame(one, other, ["a"]);
  },

  // C-6, TS-11, TS-12, D-13: a collection that was made anew counts as flushed.
  async collection_made_anew({ one, other }) {
    await shareOne({ one, other });
    await one.api.bucket(one.bucket).deleteCollection(COLLECTION);
    await assert.rejects(one.sync(), /404/);
    await one.api.bucket(one.bucket).createCollection(COLLECTION);
    await assertToldFlushed(one);
    await one.resetSyncStatus();
    await one.sync();
    await other.sync();
    await assertSame(one, other, ["a"]);
  },

  // Section 22: a reset on a full server sends nothing and doubles nothing.
  async reset_of_a_synced_device({ one, other }) {
    await shareOne({ one, other });
    const before = await stored(one);
    await other.resetSyncStatus();
    const result = await other.sync();
    assert.equal(result.ok, true);
    assert.deepEqual(result.published, []);
    assert.deepEqual(await stored(one), before);
    await assertSame(one, other, ["a"]);
  },
};

await runWithDevices(cases);
