// A browser with one page, and how steps on it are run. Scripts that use it are called as:
// node <script> <url of /v1> <bucket> <the browser's program> <an empty folder>
// <folder for pictures of steps that failed>

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";
import { run } from "../node/running.js";

const STEP_TIMEOUT_MS = 25000;
const LAUNCH_TIMEOUT_MS = 60000;
const LOOK_EVERY_MS = 50;
const QUIET_LOOKS = 6;

export const [url, bucketId, program, folder, pictures] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox"],
  timeout: LAUNCH_TIMEOUT_MS,
});
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

// Runs the steps; one that fails leaves a picture of what the page showed.
export async function runSteps(steps) {
  const watched = Object.entries(steps).map(([name, step]) => [name, () => watch(name, step)]);
  await run(Object.fromEntries(watched));
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
