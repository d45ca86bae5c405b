// The way through kinto-admin: sign in, make a bucket, a collection and a record, edit it, look back.

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
  signOut,
  stored,
  titlesAndDepths,
  told,
} from "./admin.js";
import { page, runSteps, until } from "./browser.js";

await runSteps({
  // ACC-2, HELLO-1, CORS-5: a wrong password is no error of the root view; no user is in it.
  async wrong_password_is_told() {
    await ask("PUT", "/accounts/nadia", { user: null, data: { password: "password" } });
    await signIn("Kinto Account Auth", "nadia", "wrong");
    await told("Authentication failed.");
  },

  // Section 18, CORS-1, CORS-5, C-18: `Authorization` across origins.
  async signs_in_with_an_account() {
    await signIn("Kinto Account Auth", "nadia", "password");
    await told("Authenticated.");
    await page.getByText("account:nadia").first().waitFor();
  },

  // C-10, PRM-1: PUT with `If-None-Match: *`; the sidebar lists what one has permissions on.
  async creates_a_bucket() {
    await open("/buckets/create");
    await fill({ "Bucket id": BUCKET_ID });
    await button("Create bucket").click();
    await told("Bucket created.");
    await bucketCard().waitFor();
  },

  // Section 15, SCH-1.
  async creates_a_collection_with_a_schema() {
    await open(`${BUCKET}/collections/create`);
    const uiSchema = { "ui:order": ["title", "depth"] };
    await fill({ "Collection id": "stations" }, { schema: SCHEMA, uiSchema });
    await button("Create collection").click();
    await told("Collection created.");
    const { data } = await ask("GET", COLLECTION);
    assert.deepEqual(data.schema, SCHEMA);
  },

  // POST-1: the form is made of the schema.
  async creates_a_record() {
    await open(`${RECORDS}/create`);
    await fill({ Title: "Bay", Depth: "7" });
    await button("Create record").click();
    await told("Record created.");
    await row("Bay").waitFor();
    assert.deepEqual(await titlesAndDepths(), [["Bay", 7]]);
  },

  // C-8: PUT with `If-Match`.
  async edits_a_record() {
    await open(RECORDS);
    await row("Bay").getByTitle("Edit record").click();
    await until(() => page.getByLabel("Title").inputValue(), "Bay");
    await fill({ Title: "Harbour" });
    await button("Update record").click();
    await told("Record attributes updated.");
    assert.deepEqual(await titlesAndDepths(), [["Harbour", 7]]);
  },

  // HIS-1 to HIS-3, HIS-9: newest first, with the difference between two versions.
  async sees_the_history_of_a_record() {
    const [{ id }] = await stored();
    await open(`${RECORDS}/${id}/history`);
    await row("update").waitFor();
    const actions = await page.locator("table tbody tr td:nth-child(2)").allInnerTexts();
    assert.deepEqual(actions, ["update", "create"]);
    await row("update").getByTitle("View entry details").click();
    const difference = page.locator(".history-row-details");
    await difference.locator(".removed", { hasText: '"title": "Bay"' }).waitFor();
    await difference.locator(".added", { hasText: '"title": "Harbour"' }).waitFor();
  },

  // AUTH-3, PRM-1, PERM-6: another user sees what was shared, as read-only.
  async signs_in_by_basic_auth() {
    await ask("PATCH", COLLECTION, { permissions: { read: ["system.Authenticated"] } });
    await signOut();
    await signIn("Basic Auth", "omar", "password");
    await told("Authenticated.");
    await page.getByText(/basicauth:[0-9a-f]+/).first().waitFor();
    await page.getByLabel("Show readonly buckets/collections").check();
    await bucketCard().getByText("stations").click();
    await row("Harbour").waitFor();
    assert.equal(await link("Create record").count(), 0);
  },
});
