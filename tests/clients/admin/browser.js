// kinto-admin in a browser, and a person's hands and eyes on its page.
// Scripts that use it are called as: node <script> <url of /v1> <bucket> <the browser's program>
// <folder for the built site> <folder for pictures of steps that failed>

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";
import { basic, run } from "../node/running.js";
import { bundle, serve } from "./site.js";

const STEP_TIMEOUT_MS = 15000;
const LOOK_EVERY_MS = 50;
const QUIET_LOOKS = 6;

const [url, bucketId, program, folder, pictures] = process.argv.slice(2);

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

await bundle(folder);
const origin = await serve(folder);
assert.notEqual(origin, new URL(url).origin);
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
export const page = await browser.newPage();
page.setDefaultTimeout(STEP_TIMEOUT_MS);
page.on("dialog", (dialog) => dialog.accept());

// What the page has asked and not been answered yet.
const underWay = new Set();
page.on("request", (request) => underWay.add(request));
page.on("requestfinished", (request) => underWay.delete(request));
page.on("requestfailed", (request) => underWay.delete(request));

// What no step may cause, seen or not.
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (line) => {
  if (/CORS|Access-Control|unsafe header/i.test(line.text())) complaints.push(line.text());
});
page.on("response", (answer) => {
  if (answer.status() >= 500) complaints.push(`${answer.status()} of ${answer.url()}`);
});

export const button = (name) => page.getByRole("button", { name });
export const link = (name) => page.getByRole("link", { name, exact: true }).first();
export const row = (text) => page.locator("table tbody tr").filter({ hasText: text });
export const bucketCard = () =>
  page.locator(".bucket-menu").filter({ hasText: `${BUCKET_ID} bucket` });

// Looks again until what is seen is as expected.
export async function until(see, expected) {
  const end = Date.now() + STEP_TIMEOUT_MS;
  let seen = await see();
  while (!isDeepStrictEqual(seen, expected) && Date.now() < end) {
    await page.waitForTimeout(LOOK_EVERY_MS);
    seen = await see();
  }
  assert.deepEqual(seen, expected);
}

// Nothing is under way, and nothing was for a moment: the page shows what it is going to show.
export async function settled() {
  const end = Date.now() + STEP_TIMEOUT_MS;
  for (let quiet = 0; quiet < QUIET_LOOKS; quiet = underWay.size === 0 ? quiet + 1 : 0) {
    const urls = [...underWay].map((request) => request.url());
    assert.ok(Date.now() < end, `no answer yet from ${urls}`);
    await page.waitForTimeout(LOOK_EVERY_MS);
  }
}

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

// Runs the steps; one that fails leaves a picture of what the page showed.
export async function runSteps(steps) {
  const pictured = Object.entries(steps).map(([name, step]) => [name, () => watch(name, step)]);
  await run(Object.fromEntries(pictured));
}

async function watch(name, step) {
  try {
    await step();
    assert.deepEqual(complaints.splice(0), []);
  } catch (error) {
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    throw error;
  }
}
