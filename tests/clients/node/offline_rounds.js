// Two offline-first devices that change and sync at the same moment, round after round.
// Called as: node offline_rounds.js <url of /v1>[,<another's>] <bucket> <rounds> <seed>

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import {
  CLIENT_WINS,
  SERVER_WINS,
  bucketPrefix,
  create,
  held,
  make,
  newDevice,
  stored,
  url,
} from "./devices.js";
import { run } from "./running.js";

// Both devices change this record in every round.
const CONTENDED = "contended";

const [rounds, seed] = process.argv.slice(4).map(Number);
const random = randomFrom(seed);
const urls = url.split(",");
const devices = [urls.at(0), urls.at(-1)].map((at) => newDevice({ at, bucket: bucketPrefix }));
const strategies = [CLIENT_WINS, SERVER_WINS];

// What must be held: by id the record, without its timestamp.
const expected = new Map();

function randomFrom(state) {
  return (end) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

// Both make records; each is changed or deleted only by the device whose turn it is in this round.
// Every fifth round takes more than one batch.
async function change(device, place, round) {
  for (let n = round % 5 === 0 ? 40 : random(4); n >= 0; n--) {
    const record = { id: `r${round}-${place}-${n}`, made: round };
    await create(device, record);
    expected.set(record.id, record);
  }
  const mine = [...expected.values()].filter(
    ({ made }) => made < round && (made + round + place) % 2 === 0,
  );
  for (let n = random(4); n > 0 && mine.length > 0; n--) {
    const [{ id, made }] = mine.splice(random(mine.length), 1);
    await device.update({ id, made, changed: round });
    expected.set(id, { id, made, changed: round });
  }
  if (mine.length > 0 && random(2)) {
    const [{ id }] = mine.splice(random(mine.length), 1);
    await device.delete(id);
    expected.delete(id);
  }
  await device.update({ id: CONTENDED, changed: `${round} by ${place}` });
}

// At once, or one a moment after the other, so that pulls and pushes fall in all orders.
async function syncBoth() {
  const results = await Promise.all(
    devices.map(async (device, place) => {
      await pause(random(2) * random(20));
      return insist(() => device.sync({ strategy: strategies[place] }));
    }),
  );
  for (const { ok, errors, conflicts } of results) {
    assert.deepEqual({ ok, errors, conflicts }, { ok: true, errors: [], conflicts: [] });
  }
}

// What is told "not now", as while instances come and go, is done once more.
async function insist(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error.response?.status !== 503) throw error;
      await pause(200);
    }
  }
}

async function playRound(round) {
  await Promise.all(devices.map((device, place) => change(device, place, round)));
  await syncBoth();
  // A device whose last pull came before the other's push has not seen it: one more sync shows it.
  await syncBoth();
  const found = await Promise.all([...devices.map(held), insist(() => stored(devices[0]))]);
  for (const { [CONTENDED]: contended, ...records } of found) {
    assert.ok(contended);
    for (const record of Object.values(records)) delete record.last_modified;
    assert.deepEqual(records, Object.fromEntries(expected));
  }
}

// A device leaves what it has just pushed out of its last pull (`exclude_id`), and so may miss what
// the other made of it meanwhile. Started anew, as after a flush, both hold exactly what the server
// does, the contended record too.
async function startAnew() {
  for (const device of devices) {
    await device.resetSyncStatus();
    await insist(() => device.sync({ strategy: SERVER_WINS }));
    assert.deepEqual(await held(device), await insist(() => stored(device)));
  }
}

async function begin() {
  await insist(() => make(devices[0]));
  await create(devices[0], { id: CONTENDED });
  for (const device of devices) await insist(() => device.sync());
}

const played = [...Array(rounds).keys()].map((n) => [`round ${n + 1}`, () => playRound(n + 1)]);
await run(Object.fromEntries([["begin", begin], ...played, ["started anew", startAnew]]));
