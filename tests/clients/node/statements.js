// The seed's statements through npm kinto-http, unmodified.
// Called as: node statements.js <url of /v1> <bucket>

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { basic, run } from "./running.js";

const KintoClient = createRequire(import.meta.url)("kinto-http").default;

const SCHEMA = {
  type: "object",
  properties: { title: { type: "string" } },
  required: ["title"],
};

const [url, bucketPrefix] = process.argv.slice(2);

function connect(name) {
  return new KintoClient(url, { headers: name ? basic(name) : {} });
}

async function refused(status, promise) {
  const error = await promise.then(
    () => assert.fail(`not refused with ${status}`),
    (error) => error,
  );
  assert.equal(error.response?.status, status, String(error));
  assert.equal(error.data.code, status);
  return error;
}

function ids(list) {
  return list.data.map((object) => object.id);
}

async function depths(collection) {
  for (const [place, id] of ["a", "b", "c", "d", "e"].entries()) {
    await collection.createRecord({ id, depth: place + 1, name: `Station ${id}` });
  }
}

const statements = {
  // HELLO-1 to HELLO-4, C-1.
  async server_info({ client }) {
    const info = await client.fetchServerInfo();
    assert.equal(info.settings.batch_max_requests, 25);
    assert.match(info.http_api_version, /^1\.\d+$/);
    assert.equal(typeof info.capabilities.schema.description, "string");
    assert.match((await client.fetchUser()).id, /^basicauth:[0-9a-f]+$/);
    assert.equal(await connect(null).fetchUser(), undefined);
  },

  // Sections 1.2, 12.1: id, last_modified and any other field.
  async collection_belongs_to_a_bucket_and_stores_records({ bucket, collection }) {
    await collection.setData({ status: "open", displayFields: ["title"] });
    const { data: record } = await collection.createRecord({ title: "Bay" });
    const data = await collection.getData();
    assert.deepEqual(data, {
      id: "stations",
      last_modified: data.last_modified,
      status: "open",
      displayFields: ["title"],
    });
    assert.deepEqual((await collection.listRecords()).data, [record]);
    assert.deepEqual(ids(await bucket.listCollections()), ["stations"]);
  },

  // Section 7.
  async permissions_are_those_of_the_collection({ client, bucket, collection }) {
    const owner = (await client.fetchUser()).id;
    await collection.setPermissions({ read: ["system.Everyone"] });
    assert.deepEqual(await collection.getPermissions(), {
      read: ["system.Everyone"],
      write: [owner],
    });
    const theirs = connect(null).bucket(bucket.name).collection("stations");
    assert.deepEqual((await theirs.listRecords()).data, []);
    await refused(401, theirs.createRecord({ n: 1 }));
  },

  // PAT-14 to PAT-16, C-15: JSON Patch without a value.
  async permissions_are_added_and_removed({ client, collection }) {
    const owner = (await client.fetchUser()).id;
    await collection.addPermissions({ read: ["account:omar"], "record:create": ["account:pia"] });
    assert.deepEqual(await collection.getPermissions(), {
      read: ["account:omar"],
      "record:create": ["account:pia"],
      write: [owner],
    });
    await collection.removePermissions({ read: ["account:omar"] });
    assert.equal((await collection.getPermissions()).read, undefined);
  },

  // LIST-1, LIST-2, C-2: newest first; the timestamp is the list's.
  async list_of_collections({ bucket }) {
    const { data: tides } = await bucket.createCollection("tides");
    const list = await bucket.listCollections();
    assert.deepEqual(ids(list), ["tides", "stations"]);
    assert.equal(list.last_modified, String(tides.last_modified));
    assert.equal(await bucket.getCollectionsTimestamp(), `"${tides.last_modified}"`);
  },

  // Section 10, C-17: the client sends `_sort` always, and arrays joined by commas.
  async filters_and_sorts({ collection }) {
    await depths(collection);
    const found = async (options) => ids(await collection.listRecords(options)).join("");
    assert.equal(await found({}), "edcba");
    assert.equal(await found({ sort: "depth" }), "abcde");
    assert.equal(await found({ filters: { depth: 3 } }), "c");
    assert.equal(await found({ filters: { min_depth: 3 }, sort: "depth" }), "cde");
    assert.equal(await found({ filters: { in_id: ["a", "e"] }, sort: "id" }), "ae");
    assert.equal(await found({ filters: { exclude_id: ["a", "e"] }, sort: "id" }), "bcd");
    assert.equal(await found({ filters: { like_name: "station b" } }), "b");
    assert.equal(await found({ filters: { gt_depth: 1, lt_depth: 5 }, sort: "-depth" }), "dcb");
  },

  // QO-8, LIST-6, C-3, C-6: what changed since, tombstones too, and then nothing.
  async changes_since({ collection }) {
    await depths(collection);
    const before = await collection.getRecordsTimestamp();
    await collection.deleteRecord("a");
    const changed = await collection.listRecords({ since: before });
    assert.deepEqual(ids(changed), ["a"]);
    assert.equal(changed.data[0].deleted, true);
    const again = await collection.listRecords({ since: `"${changed.last_modified}"` });
    assert.deepEqual(again.data, []);
    assert.equal(again.last_modified, changed.last_modified);
  },

  // QP-1, QP-2, C-4: by `next`, and all at once.
  async pages({ collection }) {
    await depths(collection);
    const first = await collection.listRecords({ sort: "depth", limit: 2 });
    assert.deepEqual(ids(first), ["a", "b"]);
    assert.equal(first.hasNextPage, true);
    const second = await first.next();
    const third = await second.next();
    assert.deepEqual([...ids(second), ...ids(third)], ["c", "d", "e"]);
    assert.equal(third.hasNextPage, false);
    const all = await collection.listRecords({ sort: "-depth", limit: 2, pages: Infinity });
    assert.deepEqual(ids(all), ["e", "d", "c", "b", "a"]);
  },

  // QF-1, C-19.
  async chosen_fields({ collection }) {
    await depths(collection);
    const { data } = await collection.listRecords({ fields: ["depth"], filters: { id: "a" } });
    assert.deepEqual(data, [{ id: "a", last_modified: data[0].last_modified, depth: 1 }]);
  },

  // LIST-4, C-5: `Total-Records`, without tombstones.
  async total_count({ collection }) {
    await depths(collection);
    await collection.deleteRecord("a");
    assert.equal(await collection.getTotalRecords(), 4);
  },

  // DELL-1, DELL-2, C-11, C-17: the client sends `_sort` with it.
  async delete_of_all_collections({ bucket, collection }) {
    await collection.createRecord({ n: 1 });
    await bucket.createCollection("tides");
    const { data: tombstones } = await bucket.deleteCollections();
    assert.deepEqual(tombstones.map((each) => each.id).sort(), ["stations", "tides"]);
    assert.ok(tombstones.every((each) => each.deleted === true));
    assert.deepEqual((await bucket.listCollections()).data, []);
    await refused(404, collection.listRecords());
  },

  // DELL-2, DELL-3.
  async delete_of_records_that_match({ collection }) {
    await depths(collection);
    const { data } = await collection.deleteRecords({ filters: { lt_depth: 3 } });
    assert.deepEqual(data.map((each) => each.id).sort(), ["a", "b"]);
    assert.deepEqual(ids(await collection.listRecords({ sort: "id" })), ["c", "d", "e"]);
  },

  // POST-1, PERM-12: without an id the client POSTs.
  async create_by_post({ client, bucket, collection }) {
    const owner = (await client.fetchUser()).id;
    const made = await bucket.createCollection(undefined, { data: { x: 1 } });
    assert.match(made.data.id, /^[a-zA-Z0-9][a-zA-Z0-9_-]{7}$/);
    assert.equal(made.data.x, 1);
    assert.deepEqual(made.permissions, { write: [owner] });
    const record = await collection.createRecord({ n: 1 });
    assert.match(record.data.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  },

  // PUT-7, C-8, C-10: 412 with the existing one.
  async create_safely({ collection }) {
    const { data: existing } = await collection.createRecord({ id: "a", n: 1 }, { safe: true });
    const error = await refused(412, collection.createRecord({ id: "a", n: 2 }, { safe: true }));
    assert.deepEqual(error.data.details.existing, existing);
  },

  // PUT-1 to PUT-3, C-16: the client leaves `data` out when only the id would be in it.
  async put_creates_and_replaces({ collection }) {
    const { data: first } = await collection.updateRecord({ id: "a", n: 1, m: 1 });
    const { data: second } = await collection.updateRecord({ id: "a", n: 2 });
    assert.deepEqual(second, { id: "a", last_modified: second.last_modified, n: 2 });
    assert.ok(second.last_modified > first.last_modified);
    const { data: kept } = await collection.updateRecord({ id: "a" });
    assert.equal(kept.n, 2);
    const { data: empty } = await collection.updateRecord({ id: "b" });
    assert.deepEqual(Object.keys(empty).sort(), ["id", "last_modified"]);
  },

  // PRE-1, C-8: nobody writes over what they have not seen.
  async lost_update_is_refused({ collection }) {
    const { data: stale } = await collection.createRecord({ id: "a", n: 1 });
    const { data: newer } = await collection.updateRecord({ id: "a", n: 2 });
    const error = await refused(
      412,
      collection.updateRecord({ ...stale, n: 3 }, { safe: true }),
    );
    assert.deepEqual(error.data.details.existing, newer);
    await refused(
      412,
      collection.deleteRecord("a", { safe: true, last_modified: stale.last_modified }),
    );
    await collection.deleteRecord("a", { safe: true, last_modified: newer.last_modified });
  },

  // PAT-2.
  async patch_changes_what_is_given({ collection }) {
    await collection.createRecord({ id: "a", n: 1, m: 1 });
    const { data } = await collection.updateRecord({ id: "a", m: 2 }, { patch: true });
    assert.deepEqual(data, { id: "a", last_modified: data.last_modified, n: 1, m: 2 });
  },

  // Section 8.4.
  async get_one({ collection }) {
    const created = await collection.createRecord({ id: "a", n: 1 });
    assert.deepEqual(await collection.getRecord("a"), created);
    await refused(404, collection.getRecord("none"));
  },

  // DEL-1, COL-1, COL-2.
  async delete_one_and_everything_under_it({ bucket, collection }) {
    await collection.createRecord({ id: "a" });
    const { data: tombstone } = await bucket.deleteCollection("stations");
    assert.deepEqual(tombstone, {
      id: "stations",
      last_modified: tombstone.last_modified,
      deleted: true,
    });
    await bucket.createCollection("stations");
    assert.deepEqual((await collection.listRecords({ since: '"0"' })).data, []);
  },

  // SCH-3, SCH-6, SCH-8, SCH-10, ERR-20.
  async schema_validates_and_stamps({ collection }) {
    const { data: first } = await collection.setData({ schema: SCHEMA }, { patch: true });
    const error = await refused(400, collection.createRecord({ depth: 3 }));
    const text = "'title' is a required property";
    assert.equal(error.data.errno, 107);
    assert.equal(error.data.message, text);
    assert.deepEqual(error.data.details, [
      { location: "body", name: "title", description: text },
    ]);
    const { data: old } = await collection.createRecord({ title: "x" });
    assert.equal(old.schema, first.last_modified);
    const { data: second } = await collection.setData({ schema: SCHEMA }, { patch: true });
    const { data: record } = await collection.createRecord({ title: "y" });
    const found = await collection.listRecords({ filters: { min_schema: second.last_modified } });
    assert.deepEqual(found.data, [record]);
  },

  // SCH-7, COL-4.
  async schema_is_taken_off({ collection }) {
    await collection.setData({ schema: SCHEMA });
    await collection.setData({ schema: {} }, { patch: true });
    assert.ok((await collection.createRecord({ depth: 3 })).data.schema);
    await collection.setData({ free: true });
    assert.equal((await collection.createRecord({ depth: 3 })).data.schema, undefined);
  },

  // Section 15: `record:schema` and `collection:schema` of the bucket.
  async schemas_of_the_bucket({ bucket, collection }) {
    await bucket.setData({ "record:schema": SCHEMA, "collection:schema": SCHEMA });
    await refused(400, collection.createRecord({ depth: 3 }));
    await refused(400, bucket.createCollection("tides", { data: { depth: 3 } }));
    await bucket.createCollection("tides", { data: { title: "Tides" } });
    const { data } = await collection.createRecord({ title: "x" });
    assert.equal(data.schema, undefined);
  },

  // Section 5, C-20: the client makes its errors of body and status.
  async status_codes({ client, bucket, collection }) {
    const path = `/buckets/${bucket.name}/collections/stations`;
    const send = (method, given, body) =>
      client.execute({ method, path, headers: { ...basic("nadia"), ...given }, body });
    await refused(400, collection.setData({ cache_expires: "soon" }));
    await refused(401, connect(null).bucket(bucket.name).getData());
    await refused(403, connect("omar").bucket(bucket.name).getData());
    await refused(404, bucket.collection("none").getData());
    await refused(405, send("POST", {}, {}));
    await refused(406, send("GET", { Accept: "text/html" }));
    await refused(412, send("PUT", { "If-None-Match": "*" }, {}));
    await refused(415, send("PUT", { "Content-Type": "text/plain" }, {}));
  },

  // Section 16, C-9: one answer for each, and each sees what the ones before have changed.
  async batch_of_all_sorts({ bucket, collection }) {
    const answers = await bucket.batch((batch) => {
      batch.createCollection("tides", { data: { x: 1 } });
      const stations = batch.collection("stations");
      stations.createRecord({ id: "a", n: 1 });
      stations.updateRecord({ id: "a", m: 1 }, { patch: true });
      stations.addPermissions({ read: ["account:omar"] });
      stations.createRecord({ id: "b" });
      stations.deleteRecord("b");
    });
    assert.deepEqual(answers.map((each) => each.status), [201, 201, 200, 200, 201, 200]);
    assert.equal(answers[1].path, `/v1/buckets/${bucket.name}/collections/stations/records/a`);
    assert.deepEqual((await collection.listRecords()).data, [answers[2].body.data]);
    assert.deepEqual((await collection.getPermissions()).read, ["account:omar"]);
    assert.deepEqual(ids(await bucket.listCollections()).sort(), ["stations", "tides"]);
  },

  // C-1, BAT-6: the client sends as many batches as it takes.
  async batches_of_many({ collection }) {
    const answers = await collection.batch((batch) => {
      for (let n = 0; n < 60; n++) batch.createRecord({ id: `r${n}`, n });
    });
    assert.deepEqual(answers.map((each) => each.body.data.n), [...Array(60).keys()]);
    assert.equal(await collection.getTotalRecords(), 60);
  },

  // C-8, C-9: the client sorts the answers by their status.
  async aggregated_batch({ collection }) {
    const { data: existing } = await collection.createRecord({ id: "a", n: 1 });
    const sorted = await collection.batch(
      (batch) => {
        batch.createRecord({ id: "a", n: 2 }, { safe: true });
        batch.createRecord({ id: "b" }, { safe: true });
        batch.deleteRecord("none");
        batch.createRecord({ id: "c!" });
      },
      { aggregate: true },
    );
    assert.deepEqual(sorted.conflicts.map((each) => each.remote), [existing]);
    assert.deepEqual(sorted.published.map((each) => each.data.id), ["b"]);
    assert.deepEqual(sorted.skipped.map((each) => each.id), ["none"]);
    assert.deepEqual(sorted.errors.map((each) => each.error.code), [400]);
  },

  // DEF-2 to DEF-7, C-1: made by the first look at it, and shared by its real id.
  async default_bucket({ client }) {
    const { bucket: id } = await client.fetchUser();
    const tides = client.bucket("default").collection("tides");
    assert.deepEqual((await tides.listRecords()).data, []);
    const { data: record } = await tides.createRecord({ n: 1 });
    await tides.setPermissions({ read: ["system.Everyone"] });
    assert.equal((await client.bucket("default").getData()).id, id);
    const theirs = connect(null).bucket(id).collection("tides");
    assert.deepEqual((await theirs.listRecords()).data, [record]);
    await client.deleteBucket("default");
  },

  // GRP-1, GRP-4 to GRP-6, PAT-16: members have what the group is given. The client does not escape
  // the slashes of a JSON Pointer.
  async groups({ bucket, collection }) {
    const { id: omar } = await connect("omar").fetchUser();
    const { data: group } = await bucket.createGroup("curators", [omar]);
    assert.deepEqual(group.members, [omar]);
    assert.deepEqual(ids(await bucket.listGroups({ filters: { contains_members: omar } })), [
      "curators",
    ]);
    const uri = `/buckets/${bucket.name}/groups/curators`;
    await collection.addPermissions({ read: [uri.replaceAll("/", "~1")] });
    assert.deepEqual((await collection.getPermissions()).read, [uri]);
    await bucket.updateGroup({ ...group, members: [] });
    const theirs = connect("omar").bucket(bucket.name).collection("stations");
    await refused(403, theirs.listRecords());
    await bucket.updateGroup({ ...group, members: [omar] });
    assert.deepEqual((await theirs.listRecords()).data, []);
    await bucket.deleteGroup("curators");
    await refused(403, theirs.listRecords());
  },

  // HIS-1 to HIS-3, HIS-9: newest first, with what was there after each change.
  async history({ client, bucket, collection }) {
    const owner = (await client.fetchUser()).id;
    const { data: first } = await collection.createRecord({ id: "a", n: 1 });
    const { data: second } = await collection.updateRecord({ id: "a", n: 2 });
    const { data: tombstone } = await collection.deleteRecord("a");
    const filters = { resource_name: "record", collection_id: "stations" };
    const { data: entries } = await bucket.listHistory({ filters });
    assert.deepEqual(entries.map((entry) => entry.action), ["delete", "update", "create"]);
    assert.deepEqual(entries.map((entry) => entry.target.data), [tombstone, second, first]);
    assert.ok(entries.every((entry) => entry.user_id === owner && entry.record_id === "a"));
  },

  // HIS-9, SNAP-2: this client makes the past of the history's entries.
  async records_as_they_were({ collection }) {
    const { data: kept } = await collection.createRecord({ id: "a", n: 1 });
    const { data: removed } = await collection.createRecord({ id: "b", n: 1 });
    await collection.updateRecord({ id: "a", n: 2 });
    await collection.deleteRecord("b");
    const { data } = await collection.listRecords({ at: removed.last_modified });
    assert.deepEqual(data, [removed, kept]);
  },

  // PRM-1 to PRM-3, PRM-6: the client sorts by `id` always.
  async listed_permissions({ client, bucket }) {
    const filters = { bucket_id: bucket.name, exclude_resource_name: "record" };
    const { data } = await client.listPermissions({ pages: Infinity, filters });
    assert.deepEqual(data.map((entry) => entry.uri).sort(), [
      `/buckets/${bucket.name}`,
      `/buckets/${bucket.name}/collections/stations`,
    ]);
    assert.ok(data.every((entry) => entry.permissions.includes("write")));
  },

  // BKT-3, and row 75.
  async delete_of_the_bucket({ client, bucket }) {
    const { data } = await client.deleteBucket(bucket.name);
    assert.equal(data.deleted, true);
    await refused(403, bucket.getData());
  },
};

await run(statements, async (name) => {
  const client = connect("nadia");
  const bucket = client.bucket(`${bucketPrefix}-${name.replaceAll("_", "-")}`);
  const collection = bucket.collection("stations");
  await client.createBucket(bucket.name);
  await bucket.createCollection("stations");
  return { client, bucket, collection };
});
