// Two devices of one user, offline-first: both change the same record, and each strategy settles it.

import assert from "node:assert/strict";
import {
  CLIENT_WINS,
  MANUAL,
  PULL_ONLY,
  SERVER_WINS,
  assertSame,
  create,
  held,
  runWithDevices,
  shareOne,
  stored,
} from "./devices.js";

// Both have changed the same record; one has told it already.
async function changeOnBoth({ one, other }) {
  await shareOne({ one, other });
  await one.update({ id: "a", n: 2 });
  await other.update({ id: "a", n: 3 });
  await one.sync();
}

// A device in whose next sync `work` happens between the pull and the push.
function interruptible(newOne) {
  let work = null;
  const hook = async (payload) => {
    const due = work;
    work = null;
    await due?.();
    return payload;
  };
  const device = newOne({ hooks: { "incoming-changes": [hook] } });
  return { device, interrupt: (given) => (work = given) };
}

// A device that has done `here` with `a` and learns only in its push that one has done `there`.
async function collide({ one, newOne }, { here, there }) {
  await create(one, { id: "a", n: 1 });
  await one.sync();
  const { device, interrupt } = interruptible(newOne);
  await device.sync();
  await here(device);
  interrupt(async () => {
    await there(one);
    await one.sync();
  });
  return device;
}

const update = (n) => (device) => device.update({ id: "a", n });
const remove = (device) => device.delete("a");

const cases = {
  // C-8: the client that comes second sees a conflict and resolves it by hand.
  async conflict_manual({ one, other }) {
    await changeOnBoth({ one, other });
    const before = (await stored(one)).a;
    const result = await other.sync({ strategy: MANUAL });
    assert.equal(result.ok, false);
    // Once in the pull, once in the push (412): both tell the same.
    for (const conflict of result.conflicts) {
      assert.equal(conflict.local.n, 3);
      assert.deepEqual(conflict.remote, before);
    }
    assert.deepEqual((await stored(one)).a, before);
    const [conflict] = result.conflicts;
    await other.resolve(conflict, { ...conflict.local, n: 23 });
    assert.equal((await other.sync()).ok, true);
    await one.sync();
    await assertSame(one, other, ["a"]);
    assert.equal((await held(one)).a.n, 23);
  },

  // C-8, PRE-1.
  async conflict_client_wins({ one, other }) {
    await changeOnBoth({ one, other });
    const result = await other.sync({ strategy: CLIENT_WINS });
    assert.equal(result.ok, true);
    assert.deepEqual(result.resolved.map((each) => each.accepted.n), [3]);
    await one.sync();
    await assertSame(one, other, ["a"]);
    assert.equal((await held(one)).a.n, 3);
  },

  // C-8.
  async conflict_server_wins({ one, other }) {
    await changeOnBoth({ one, other });
    const result = await other.sync({ strategy: SERVER_WINS });
    assert.equal(result.ok, true);
    assert.deepEqual(result.resolved.map((each) => each.accepted.n), [2]);
    assert.deepEqual(result.published, []);
    await assertSame(one, other, ["a"]);
    assert.equal((await held(other)).a.n, 2);
  },

  // C-8, C-9, C-10: 412 in the batch for `If-None-Match: *`, with what exists.
  async creation_of_one_id_on_both({ one, newOne }) {
    const { device: late, interrupt } = interruptible(newOne);
    interrupt(async () => {
      await create(one, { id: "a", from: "one" });
      await one.sync();
    });
    await create(late, { id: "a", from: "late" });
    const result = await late.sync({ strategy: MANUAL });
    assert.equal(result.ok, false);
    const [conflict] = result.conflicts;
    assert.equal(conflict.type, "outgoing");
    assert.deepEqual(conflict.remote, (await stored(one)).a);
    assert.equal((await late.sync({ strategy: SERVER_WINS })).ok, true);
    await assertSame(one, late, ["a"]);
    assert.equal((await held(late)).a.from, "one");
  },

  // C-8, C-9: 412 in the batch for `If-Match`; the resolution is pushed in the same sync.
  async push_conflict_client_wins({ one, newOne }) {
    const late = await collide({ one, newOne }, { here: update(3), there: update(2) });
    const result = await late.sync({ strategy: CLIENT_WINS });
    assert.equal(result.ok, true);
    assert.equal((await stored(one)).a.n, 3);
    await one.sync();
    await assertSame(one, late, ["a"]);
  },

  // C-8, C-9.
  async push_conflict_server_wins({ one, newOne }) {
    const late = await collide({ one, newOne }, { here: update(3), there: update(2) });
    const result = await late.sync({ strategy: SERVER_WINS });
    assert.equal(result.ok, true);
    await late.sync();
    await assertSame(one, late, ["a"]);
    assert.equal((await held(late)).a.n, 2);
  },

  // PUT-8: `If-Match` of what is gone is 412 without `details`; the client then makes it anew.
  async update_of_what_was_deleted_client_wins({ one, newOne }) {
    const late = await collide({ one, newOne }, { here: update(3), there: remove });
    assert.equal((await late.sync({ strategy: CLIENT_WINS })).ok, true);
    await one.sync();
    await late.sync();
    await assertSame(one, late, ["a"]);
    assert.equal((await held(one)).a.n, 3);
  },

  // PUT-8.
  async update_of_what_was_deleted_server_wins({ one, newOne }) {
    const late = await collide({ one, newOne }, { here: update(3), there: remove });
    assert.equal((await late.sync({ strategy: SERVER_WINS })).ok, true);
    await assertSame(one, late, []);
  },

  // C-8: a DELETE with `If-Match` is refused with what exists.
  async delete_of_what_was_changed_server_wins({ one, newOne }) {
    const late = await collide({ one, newOne }, { here: remove, there: update(2) });
    const result = await late.sync({ strategy: SERVER_WINS });
    assert.deepEqual(result.resolved.map((each) => each.accepted.n), [2]);
    await late.sync();
    await assertSame(one, late, ["a"]);
  },

  // C-8, C-7: the tombstone comes first, the update is published over it.
  async tombstone_against_an_update_client_wins({ one, other }) {
    await shareOne({ one, other });
    await one.delete("a");
    await one.sync();
    await other.update({ id: "a", n: 3 });
    assert.equal((await other.sync({ strategy: CLIENT_WINS })).ok, true);
    await one.sync();
    await assertSame(one, other, ["a"]);
    assert.equal((await held(one)).a.n, 3);
  },

  // Section 22: the server's state replaces what was changed here, and nothing is sent.
  async pull_only_overwrites({ one, other }) {
    await changeOnBoth({ one, other });
    const result = await other.sync({ strategy: PULL_ONLY });
    assert.deepEqual(result.published, []);
    await assertSame(one, other, ["a"]);
    assert.equal((await held(other)).a.n, 2);
  },
};

await runWithDevices(cases);
