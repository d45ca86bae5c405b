// Two devices of one user, offline-first: what is made, changed and deleted on one reaches the other.

import assert from "node:assert/strict";
import {
  assertSame,
  create,
  held,
  ids,
  newDevice,
  remote,
  runWithDevices,
  shareOne,
  stored,
} from "./devices.js";

const cases = {
  // C-1, C-2, C-9, C-10: what was made offline is published by a batch, then fetched by the other.
  async records_made_offline_are_published({ one, other }) {
    await create(one, { id: "a", n: 1 }, { id: "b", n: 2 });
    const { data: generated } = await one.create({ n: 3 });
    const sent = await one.sync();
    assert.equal(sent.ok, true);
    assert.deepEqual(ids(sent.published), ["a", "b", generated.id].sort());
    const received = await other.sync();
    assert.deepEqual(ids(received.created), ["a", "b", generated.id].sort());
    assert.equal(received.lastModified, sent.lastModified);
    await assertSame(one, other, ["a", "b", generated.id]);
  },

  // C-3, C-17: the second pull asks `_since` the last ETag, and `exclude_id` what was just pushed.
  async changes_of_both_meet({ one, other }) {
    await create(one, { id: "a", n: 1 }, { id: "b", n: 1 }, { id: "c", n: 1 });
    await one.sync();
    await other.sync();
    await one.update({ id: "a", n: 2 });
    await create(one, { id: "d", n: 2 });
    await other.update({ id: "b", n: 2 });
    await other.delete("c");
    await one.sync();
    const result = await other.sync();
    assert.deepEqual(ids(result.published), ["b", "c"]);
    assert.deepEqual(ids(result.created), ["d"]);
    assert.deepEqual(result.updated.map((change) => change.new.n), [2]);
    await one.sync();
    await assertSame(one, other, ["a", "b", "d"]);
  },

  // C-6: nothing new, nothing sent, and no flush is seen.
  async sync_without_changes_is_empty({ one, other }) {
    await shareOne({ one, other });
    for (const device of [one, other, one, other]) {
      const result = await device.sync();
      assert.equal(result.ok, true);
      const { published, created, updated, deleted } = result;
      assert.deepEqual([published, created, updated, deleted], [[], [], [], []]);
    }
  },

  // C-7, LIST-6, DEL-1: a deletion travels as a tombstone.
  async tombstones_arrive({ one, other }) {
    await create(one, { id: "a" }, { id: "b" });
    await one.sync();
    await other.sync();
    await one.delete("a");
    const sent = await one.sync();
    assert.deepEqual(sent.published, [{ id: "a", deleted: true }]);
    const received = await other.sync();
    assert.deepEqual(ids(received.deleted), ["a"]);
    await assertSame(one, other, ["b"]);
  },

  // C-7, DELL-1: tombstones of a list's DELETE arrive as well.
  async tombstones_of_a_list_delete_arrive({ one, other }) {
    await create(one, { id: "a", n: 1 }, { id: "b", n: 2 }, { id: "c", n: 3 });
    await one.sync();
    await other.sync();
    const there = remote(one);
    await there.deleteRecords({ filters: { min_n: 2 } });
    for (const device of [one, other]) {
      assert.deepEqual(ids((await device.sync()).deleted), ["b", "c"]);
    }
    await assertSame(one, other, ["a"]);
  },

  // C-7: who was away for all of a record's life is not told more than that it is gone.
  async tombstones_for_a_newcomer_are_skipped({ one, other }) {
    await other.sync();
    await create(one, { id: "a" }, { id: "b" });
    await one.sync();
    await one.delete("a");
    await one.sync();
    const result = await other.sync();
    assert.equal(result.ok, true);
    assert.deepEqual(ids(result.created), ["b"]);
    await assertSame(one, other, ["b"]);
  },

  // PUT-6, C-10: an id with a tombstone may be made again.
  async deleted_id_is_made_again({ one, other }) {
    await shareOne({ one, other });
    await one.delete("a");
    await one.sync();
    await create(one, { id: "a", n: 5 });
    assert.deepEqual(ids((await one.sync()).published), ["a"]);
    await other.sync();
    await assertSame(one, other, ["a"]);
    assert.equal((await held(other)).a.n, 5);
  },

  // C-9, C-12: deleted on both, 404 in the batch, is no error.
  async deleted_on_both({ one, other }) {
    await shareOne({ one, other });
    await one.delete("a");
    await other.delete("a");
    await one.sync();
    const result = await other.sync();
    assert.equal(result.ok, true);
    await assertSame(one, other, []);
  },

  // C-9: what was made and deleted before any sync never reaches the server.
  async never_published_is_never_told({ one, other }) {
    await create(one, { id: "a" }, { id: "b" });
    await one.delete("a");
    const result = await one.sync();
    assert.deepEqual(ids(result.published), ["b"]);
    await other.sync();
    assert.deepEqual(Object.keys(await stored(other)), ["b"]);
  },

  // C-1, BAT-6: 60 records are three batches; `exclude_id` names only fifty of them.
  async many_records({ one, other }) {
    const records = [...Array(60).keys()].map((n) => ({ id: `r${n}`, n }));
    await create(one, ...records);
    const result = await one.sync();
    assert.equal(result.ok, true);
    assert.equal(result.published.length, 60);
    await other.sync();
    await assertSame(one, other, ids(records));
  },

  // Section 12.1: the client keeps the collection's own fields.
  async metadata_of_the_collection({ one }) {
    const there = remote(one);
    const { data } = await there.setData({ displayFields: ["n"] }, { patch: true });
    await one.sync();
    assert.deepEqual(await one.metadata(), data);
  },

  // SCH-8, C-9: one record is refused, the others of its batch are kept.
  async refused_record_is_an_error({ one, other }) {
    const there = remote(one);
    const schema = { type: "object", required: ["title"] };
    await there.setData({ schema }, { patch: true });
    await create(one, { id: "a", title: "A" }, { id: "b" });
    const result = await one.sync();
    assert.equal(result.ok, false);
    assert.deepEqual(result.errors.map((each) => each.error.errno), [107]);
    assert.deepEqual(ids(result.published), ["a"]);
    await one.update({ id: "b", title: "B" });
    assert.equal((await one.sync()).ok, true);
    await other.sync();
    await assertSame(one, other, ["a", "b"]);
  },

  // C-20: a stranger is refused with a body that the client can read.
  async stranger_is_refused({ one }) {
    const device = newDevice({ user: "omar", bucket: one.bucket });
    const error = await device.sync().then(assert.fail, (error) => error);
    assert.equal(error.response.status, 403);
    assert.equal(error.data.errno, 121);
  },

  // C-3: a device that starts from a dump asks for what came after it.
  async dump_is_loaded_first({ one, newOne }) {
    await create(one, { id: "a", n: 1 }, { id: "b", n: 1 });
    await one.sync();
    const dumped = Object.values(await stored(one));
    await one.update({ id: "b", n: 2 });
    await one.sync();
    const late = newOne();
    await late.importBulk(dumped);
    await late.sync();
    await assertSame(one, late, ["a", "b"]);
  },

  // SNAP-1 to SNAP-5, HIS-1: the same client asks for the collection as it was.
  async snapshot_of_the_past({ one }) {
    await create(one, { id: "a", n: 1 }, { id: "b", n: 1 });
    const { lastModified } = await one.sync();
    await one.update({ id: "a", n: 2 });
    await one.delete("b");
    await one.sync();
    const there = remote(one);
    const { data } = await there.getSnapshot(lastModified);
    assert.deepEqual(data.map(({ id, n }) => [id, n]).sort(), [["a", 1], ["b", 1]]);
    const history = await one.api.bucket(one.bucket).listHistory({ filters: { record_id: "a" } });
    assert.deepEqual(history.data.map((entry) => entry.action), ["update", "create"]);
  },
};

await runWithDevices(cases);
