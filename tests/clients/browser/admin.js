// A person's hands and eyes on the page of kinto-admin.

import assert from "node:assert/strict";
import { basic } from "../node/running.js";
import { serveAdmin } from "./admin_site.js";
import { bucketId, folder, page, settled, url } from "./browser.js";

export const BUCKET_ID = bucketId;
export const BUCKET = `/buckets/${bucketId}`;
export const COLLECTION = `${BUCKET}/collections/stations`;
export const RECORDS = `${COLLECTION}/records`;
export const SCHEMA = {
  type: "object",
  properties: {
    title: { type: "string", title: "Title" },
    depth: { type: "integer", title: "Depth" },
  },
  required: ["title"],
};

const origin = await serveAdmin(folder);
assert.notEqual(origin, new URL(url).origin);

export const button = (name) => page.getByRole("button", { name });
export const link = (name) => page.getByRole("link", { name, exact: true }).first();
export const row = (text) => page.locator("table tbody tr").filter({ hasText: text });
export const bucketCard = () =>
  page.locator(".bucket-menu").filter({ hasText: `${BUCKET_ID} bucket` });

// A page that is loaded anew: the session is kept, what was told before is not.
export async function open(path) {
  await page.goto("about:blank");
  await page.goto(`${origin}/?server=${encodeURIComponent(url)}#${path}`);
  await settled();
}

export async function told(text) {
  await page.locator(".notifications").getByText(text).first().waitFor();
  await settled();
}

// Fills a form's fields, by label, and those in which JSON is edited, by name. An answer that comes
// late resets the form: then all is filled again.
export async function fill(texts, codes = {}) {
  for (const [label, text] of Object.entries(texts)) await page.getByLabel(label).fill(text);
  for (const [name, value] of Object.entries(codes)) await writeCode(name, value);
  await settled();
  for (const [label, text] of Object.entries(texts)) {
    if ((await page.getByLabel(label).inputValue()) !== text) return fill(texts, codes);
  }
}

async function writeCode(name, value) {
  await page.locator(`.form-group:has(> label[for="root_${name}"]) .CodeMirror`).click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(JSON.stringify(value));
}

export async function signIn(method, name, password) {
  await open("/");
  await page.getByLabel(method).check();
  await fill({ Username: name, Password: password });
  await button(/^Sign in/).click();
}

export async function signOut() {
  await link("Logout").click();
  await told("Logged out.");
}

// Asks Muniment past the browser.
export async function ask(method, path, { user = "nadia", data, permissions } = {}) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { ...(user && basic(user)), "Content-Type": "application/json" },
    body: method === "GET" ? undefined : JSON.stringify({ data, permissions }),
  });
  return answer.json();
}

export async function stored() {
  return (await ask("GET", RECORDS)).data;
}

export async function titlesAndDepths() {
  return (await stored()).map(({ title, depth }) => [title, depth]);
}
