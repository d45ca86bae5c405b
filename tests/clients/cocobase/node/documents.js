// CocoBase's documents through one version of npm cocobase, unmodified.
// Called as: node documents.js <origin> <key> <version>

import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { run } from "../../node/running.js";

const [origin, key, version] = process.argv.slice(2);
const GONE = "00000000-0000-4000-8000-000000000000";
const HAS_REALTIME = version >= "1.5";
const HAS_ERRORS = version >= "1.6";

// Two versions are published for bundlers, which know what an import without ".js" means.
registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!specifier.startsWith(".")) throw error;
      return next(`${specifier}.js`, context);
    }
  },
});

// Its watchers have their address as a constant: the process gives them a socket of its own.
const Socket = globalThis.WebSocket;
globalThis.WebSocket = class extends Socket {
  constructor(url) {
    super(String(url).replace(/^wss?:\/\/[^/]+/, origin.replace(/^http/, "ws")));
  }
};

const { Cocobase } = await import(`cocobase-${version}`);
const db = new Cocobase({ apiKey: key, baseURL: origin });
let counter = 0;

function prepare() {
  counter += 1;
  return { name: `c_${version.replaceAll(".", "_")}_${counter}` };
}

async function refused(status, promise) {
  const error = await promise.then(
    () => assert.fail(`not refused with ${status}`),
    (error) => error,
  );
  // Old versions tell the status in the text of a plain Error.
  if (HAS_ERRORS) assert.equal(error.statusCode, status, String(error));
  else assert.match(String(error.message), new RegExp(String(status)));
  return error;
}

async function until(what, holds) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`${what} did not happen`);
}

function data(documents) {
  return documents.map((document) => document.data);
}

const cases = {
  // Sections 3 and 5.
  async a_document_and_what_becomes_of_it({ name }) {
    const given = { title: "Hello", n: 1, data: { deep: true }, id: 7, none: null };
    const made = await db.createDocument(name, given);
    assert.deepEqual(made.data, given);
    assert.equal(made.collection.name, name);
    assert.ok(Math.abs(Date.now() - Date.parse(made.created_at)) < 600_000);
    assert.deepEqual(await db.getDocument(name, made.id), made);
    assert.deepEqual(await db.listDocuments(name), [made]);
    const changed = await db.updateDocument(name, made.id, { n: 2 });
    assert.deepEqual(changed.data, { ...given, n: 2 });
    const gone = await db.deleteDocument(name, made.id);
    assert.equal(gone.status, "success");
    assert.deepEqual(await db.listDocuments(name), []);
  },

  // Section 2: of this client it is a document like any other.
  async a_document_whose_only_field_is_data({ name }) {
    const made = await db.createDocument(name, { data: { n: 1 } });
    assert.deepEqual(made.data, { data: { n: 1 } });
  },

  // Section 5.
  async replacing_merges({ name }) {
    if (!db.replaceDocument) return;
    const made = await db.createDocument(name, { a: 1, tags: ["x"] });
    const after = await db.replaceDocument(name, made.id, { b: 2, $append: { tags: "y" } });
    assert.deepEqual(after.data, { a: 1, b: 2, tags: ["x", "y"] });
  },

  // Section 6.
  async filters_and_pages({ name }) {
    for (const n of [1, 2, 3, 4]) await db.createDocument(name, { n, kind: n % 2 ? "odd" : "even" });
    const found = async (query) => data(await db.listDocuments(name, query)).map(({ n }) => n);
    assert.deepEqual(await found(), [4, 3, 2, 1]);
    assert.deepEqual(await found({ filters: { kind: "odd" } }), [3, 1]);
    assert.deepEqual(await found({ filters: { n_gte: 3 } }), [4, 3]);
    assert.deepEqual(await found({ sort: "n", order: "asc", limit: 2, offset: 1 }), [2, 3]);
    if (version === "1.0.1") return;
    assert.deepEqual(await found({ filters: { "[or]n": 1, "[or]kind": "even" } }), [4, 2, 1]);
    assert.deepEqual(await found({ filters: { kind__or__n_contains: "odd" } }), [3, 1]);
    assert.deepEqual(await found({ filters: { kind_in: "odd,none", n_lt: 2 } }), [1]);
  },

  // Section 6: one more than a page is asked for.
  async pages_one_after_another({ name }) {
    if (!db.paginate) return;
    await db.createDocuments(name, [1, 2, 3, 4, 5].map((n) => ({ n })));
    const pager = db.paginate(name, { sort: "n", order: "asc" }, 2);
    const pages = [await pager.nextPage(), await pager.nextPage(), await pager.nextPage()];
    assert.deepEqual(pages.map((page) => data(page.data).map(({ n }) => n)), [[1, 2], [3, 4], [5]]);
    assert.deepEqual(pages.map((page) => page.hasMore), [true, true, false]);
  },

  // Section 7.
  async batches_counts_and_aggregates({ name }) {
    if (!db.createDocuments) return;
    const made = await db.createDocuments(name, [{ n: 1 }, { n: 2 }, { n: 4 }]);
    assert.deepEqual(data(made), [{ n: 1 }, { n: 2 }, { n: 4 }]);
    const changed = await db.updateDocuments(name, { [made[0].id]: { n: 8 }, [GONE]: { n: 9 } });
    assert.deepEqual(data(changed), [{ n: 8 }]);
    assert.equal((await db.deleteDocuments(name, [made[1].id, GONE])).count, 1);
    assert.equal((await db.countDocuments(name)).count, 2);
    assert.equal((await db.countDocuments(name, { filters: { n_gt: 4 } })).count, 1);
    const sum = await db.aggregateDocuments(name, { field: "n", operation: "sum" });
    assert.deepEqual(sum, { field: "n", operation: "sum", result: 12, collection: name });
  },

  // Sections 2 and 10.
  async refusals({ name }) {
    const made = await db.createDocument(name, { n: 1 });
    await refused(404, db.listDocuments(`${name}_none`));
    await refused(404, db.getDocument(name, GONE));
    await refused(404, db.deleteDocument(name, GONE));
    await refused(422, db.listDocuments(name, { limit: 5000 }));
    await refused(400, db.createDocument(name, {}));
    await refused(400, db.updateDocument(name, made.id, {}));
    const stranger = new Cocobase({ apiKey: "wrong", baseURL: origin });
    const error = await refused(401, stranger.listDocuments(name));
    if (HAS_ERRORS) assert.equal(typeof error.detail.detail, "string");
  },

  // Section 9.
  async watching_a_collection({ name }) {
    if (!HAS_REALTIME) return;
    const first = await db.createDocument(name, { n: 0, kind: "odd" });
    const events = [];
    const watcher = db.realtime.collection(name, { kind: "odd" });
    watcher.onConnected((event) => events.push(event));
    for (const on of ["onCreate", "onUpdate", "onDelete"]) watcher[on]((event) => events.push(event));
    watcher.connect();
    await until("connected", () => events.length === 1);
    assert.deepEqual(events[0], {
      event: "connected",
      collection_id: name,
      filters: { kind: "odd" },
    });
    const made = await db.createDocument(name, { n: 1, kind: "odd" });
    await db.createDocument(name, { n: 2, kind: "even" });
    const changed = await db.updateDocument(name, first.id, { n: 3 });
    await db.deleteDocument(name, made.id);
    await until("all events", () => events.length === 4);
    watcher.disconnect();
    const [, create, update, gone] = events;
    assert.deepEqual(create, { event: "create", collection_id: name, data: made, document: made });
    assert.deepEqual(update.document, changed);
    assert.deepEqual(update.data, changed);
    assert.deepEqual(update.old_data, { n: 0, kind: "odd" });
    assert.deepEqual([gone.event, gone.document], ["delete", made]);
  },

  // Section 9.
  async a_live_query({ name }) {
    if (!db.onSnapshot) return;
    await db.createDocument(name, { n: 1 });
    const seen = [];
    const end = db.onSnapshot(name, { sort: "n", order: "asc" }, (documents) => {
      seen.push(data(documents).map(({ n }) => n).join());
    });
    await until("the first listing", () => seen.length > 0);
    // The watcher connects beside the first listing: write until it is told of.
    for (let n = 2; n < 200 && seen.length < 2; n += 1) {
      await db.createDocument(name, { n });
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    end();
    assert.equal(seen[0], "1");
    assert.ok(seen[1].startsWith("1,2"), seen[1]);
  },
};

await run(cases, prepare);
