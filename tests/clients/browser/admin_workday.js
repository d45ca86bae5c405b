// More of kinto-admin: refusals, lists, bulk creation, groups, permissions, the past of a collection.

import assert from "node:assert/strict";
import {
  BUCKET,
  BUCKET_ID,
  COLLECTION,
  RECORDS,
  SCHEMA,
  ask,
  bucketCard,
  button,
  fill,
  link,
  open,
  row,
  signIn,
  stored,
  titlesAndDepths,
  told,
} from "./admin.js";
import { page, runSteps, settled, until } from "./browser.js";

// An account, a bucket, a collection with a schema and a record that was changed once.
async function make() {
  const password = { data: { password: "password" } };
  await ask("PUT", "/accounts/nadia", { user: null, ...password });
  await ask("PUT", BUCKET);
  await ask("PUT", COLLECTION, { data: { schema: SCHEMA, displayFields: ["title"] } });
  await ask("PUT", `${RECORDS}/a`, { data: { title: "Bay", depth: 7 } });
  await ask("PUT", `${RECORDS}/a`, { data: { title: "Harbour", depth: 7 } });
}

await runSteps({
  // HELLO-1, PRM-1: what was made elsewhere is in the sidebar.
  async finds_what_is_there() {
    await make();
    await signIn("Kinto Account Auth", "nadia", "password");
    await told("Authenticated.");
    await bucketCard().getByText("stations").click();
    await row("Harbour").waitFor();
  },

  // C-8, CORS-6: 412, and the page reads it: nobody writes over what they have not seen.
  async lost_update_is_told() {
    const [{ id }] = await stored();
    await open(`${RECORDS}/${id}/attributes`);
    await until(() => page.getByLabel("Title").inputValue(), "Harbour");
    await ask("PATCH", `${RECORDS}/${id}`, { data: { depth: 9 } });
    await fill({ Title: "Quay" });
    await button("Update record").click();
    await told("Couldn't update record.");
    assert.deepEqual(await titlesAndDepths(), [["Harbour", 9]]);
  },

  // SCH-8, CORS-6: a schema that became stricter meanwhile; the page reads the refusal's text.
  async refusal_is_told() {
    await open(`${RECORDS}/create`);
    await page.getByLabel("Title").waitFor();
    await settled();
    await ask("PATCH", COLLECTION, { data: { schema: { ...SCHEMA, required: ["depth"] } } });
    await fill({ Title: "Mole" });
    await button("Create record").click();
    await told("'depth' is a required property");
    await ask("PATCH", COLLECTION, { data: { schema: SCHEMA } });
  },

  // C-9: by one batch.
  async creates_records_in_bulk() {
    await open(`${RECORDS}/bulk`);
    await page.getByLabel("Title").nth(0).fill("Mole");
    await page.getByLabel("Title").nth(1).fill("Pier");
    await button("Bulk create").click();
    await told("2 records created.");
  },

  // LIST-1, C-17: by a field and back; C-5, CORS-3: the page reads `Total-Records`.
  async sorts_the_list() {
    await open(RECORDS);
    await page.getByText("Records (3)").waitFor();
    const titles = page.locator("table tbody tr td:nth-child(1)");
    const sorted = ["Harbour", "Mole", "Pier"];
    for (const expected of [sorted, sorted.toReversed()]) {
      await page.locator("th", { hasText: "Title" }).locator(".sort-link").click();
      await until(() => titles.allInnerTexts(), expected);
    }
  },

  // DEL-1, C-8: DELETE with `If-Match`.
  async deletes_a_record() {
    await open(RECORDS);
    await row("Pier").getByTitle("Delete record").click();
    await told("Record deleted.");
    assert.equal((await stored()).length, 2);
  },

  // HIS-9, SNAP-2: what has changed in the list since one of the entries.
  async sees_what_changed_in_the_collection() {
    await open(`${COLLECTION}/history`);
    await row("delete").waitFor();
    await page.getByTitle("Start history log from this point").last().click();
    await settled();
    await link("Diff view").click();
    await page.locator(".json-record .added", { hasText: '"title": "Mole"' }).waitFor();
  },

  // GRP-1.
  async makes_a_group() {
    await open(`${BUCKET}/groups/create`);
    await fill({ "Group id": "curators" });
    await button("Create group").click();
    await told("Group created.");
    const { data } = await ask("GET", `${BUCKET}/groups/curators`);
    assert.deepEqual(data.members, []);
  },

  // PERM-12, PERM-13.
  async gives_permissions() {
    await open(`${COLLECTION}/permissions`);
    await page.locator("#root_authenticated").getByLabel("read", { exact: true }).check();
    await button("Submit").click();
    await told("Collection permissions updated.");
    const { permissions } = await ask("GET", COLLECTION);
    assert.deepEqual(permissions, { read: ["system.Authenticated"], write: ["account:nadia"] });
  },

  // BKT-3.
  async deletes_the_bucket() {
    await open(`${BUCKET}/attributes`);
    await page.locator(".border-danger input").fill(BUCKET_ID);
    await button("Delete bucket").click();
    await told("Bucket deleted.");
    assert.equal((await ask("GET", BUCKET)).code, 403);
  },
});
