// The way through the page of those who operate webhooks: from signing in to a new key, with a receiver that
// answers with markup, which must stay text. Called as the other scripts here are; pictures at two widths are
// left beside those of steps that failed.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { basic } from "../node/running.js";
import { bucketId, page, pictures, runSteps, until, url } from "./browser.js";

const HOSTILE = `<script>window.wasRun = true</script><img src="x" onerror="window.wasRun = true">`;
const SCRIPTED = "record <b>one</b>".replaceAll(/[^a-z]/g, "");

const received = [];
let status = 500;
const receiver = createServer((request, answer) => {
  request.resume().on("end", () => {
    received.push(request.headers["webhook-id"]);
    answer.writeHead(status, { "Content-Type": "text/html" }).end(HOSTILE);
  });
});
await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const target = `http://127.0.0.1:${receiver.address().port}/${SCRIPTED}`;

const complaints = [];
page.on("console", (line) => {
  if (/Content Security Policy|TrustedHTML/i.test(line.text())) complaints.push(line.text());
});
const foreign = [];
page.on("request", (request) => {
  const { origin, protocol } = new URL(request.url());
  if (protocol !== "data:" && origin !== new URL(url).origin) foreign.push(request.url());
});

async function ask(method, path, data) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { ...basic("nadia"), "Content-Type": "application/json" },
    body: data && JSON.stringify({ data }),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const bucket = `/buckets/${bucketId}`;
const field = (form, name) => page.locator(`${form} [name="${name}"]`);
const button = (name) => page.getByRole("button", { name, exact: true });
const tab = (name) => page.getByRole("tab", { name, exact: true }).click();
const panel = (name) => page.getByRole("tabpanel", { name, exact: true });
const wasRun = () => page.evaluate(() => window.wasRun === true || document.scripts.length !== 1);

async function picture(name) {
  await mkdir(pictures, { recursive: true });
  for (const [width, height] of [[1200, 800], [390, 844]]) {
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(pictures, `${name}-${width}.png`), fullPage: true });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(overflow, 0, `${name} is wider than ${width}`);
  }
  await page.setViewportSize({ width: 1200, height: 800 });
}

await runSteps({
  async tells_wrong_credentials_in_words() {
    await ask("PUT", bucket);
    await ask("PUT", `${bucket}/collections/tides`);
    await ask("PUT", `${bucket}/webhooks/hook`, {
      url: target,
      events: ["record.*"],
      retry_schedule_s: [0, 3600],
    });
    await page.goto(`${url}/__portal__`);
    await field("#sign-in-form", "kind").selectOption("a token");
    await field("#sign-in-form", "token").fill("nobody's");
    await button("Sign in").click();
    await page.getByRole("alert").getByText("not accepted").waitFor();
    await picture("portal-sign-in");
  },

  async signs_in_and_lists_the_webhooks_of_a_bucket() {
    await field("#sign-in-form", "kind").selectOption("name and password");
    await field("#sign-in-form", "user").fill("nadia");
    await field("#sign-in-form", "password").fill("password");
    await button("Sign in").click();
    await page.getByText(/^basicauth:/).waitFor();
    await field("#bucket-form", "bucket").fill(bucketId);
    await button("Show its webhooks").click();
    await page.getByRole("link", { name: "hook" }).waitFor();
    await page.getByText(target).waitFor();
    await picture("portal-list");
  },

  async shows_a_failed_attempt_with_an_answer_that_stays_text() {
    await ask("PUT", `${bucket}/collections/tides/records/one`, { level: 1 });
    await until(() => received.length, 1);
    await page.getByRole("link", { name: "hook" }).click();
    for (let tries = 0; tries < 50 && (await page.getByText("refused 500").count()) === 0; tries++) {
      await panel("Attempts").getByRole("button", { name: "Show", exact: true }).click();
      await page.waitForTimeout(200);
    }
    await picture("portal-attempts");
    await panel("Attempts").locator("td button").first().click();
    assert.equal(await page.locator("#answer").innerText(), HOSTILE);
    await page.getByRole("heading", { name: received[0] }).waitFor();
    await picture("portal-attempt");
    assert.equal(await wasRun(), false);
    await button("Close").click();
  },

  async filters_attempts() {
    await field("#attempts-form", "status").fill("2xx");
    await panel("Attempts").getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("No attempts.").waitFor();
    await field("#attempts-form", "status").fill("500");
    await panel("Attempts").getByRole("button", { name: "Show", exact: true }).click();
    await panel("Attempts").getByText("refused 500").waitFor();
  },

  async sends_a_ping_and_shows_the_answer() {
    status = 200;
    await tab("Send");
    await button("Send it now").click();
    await panel("Send").getByText("delivered 200").waitFor();
    assert.equal(await page.locator("#result-answer").innerText(), HOSTILE);
    assert.equal(await wasRun(), false);
    await picture("portal-send");
  },

  async resends_a_message() {
    const [first] = received;
    await field("#resend-form", "message_id").fill(first);
    await button("Send it again").click();
    await until(() => received.filter((id) => id === first).length, 2);
    await panel("Send").getByText(first).waitFor();
  },

  async disables_and_enables() {
    await button("Disable").click();
    await page.getByText("its place is kept").waitFor();
    await button("Enable").click();
    await button("Disable").waitFor();
  },

  async counts_a_replay_and_runs_it_to_its_end() {
    await tab("Replay");
    await field("#replay-form", "from").selectOption("the beginning");
    await button("Count them").click();
    await page.getByText("1 event would be sent.").waitFor();
    const before = received.length;
    await button("Start").click();
    await panel("Replay").getByText("done").waitFor();
    await until(() => received.length > before, true);
    await picture("portal-replay");
  },

  async pauses_a_replay_and_cancels_it() {
    for (const name of ["two", "three", "four"]) {
      await ask("PUT", `${bucket}/collections/tides/records/${name}`, { level: 2 });
    }
    await field("#replay-form", "rate").fill("0.05");
    await button("Start").click();
    await button("Pause").click();
    await panel("Replay").getByText("paused").waitFor();
    await button("Go on").click();
    await panel("Replay").getByText("running").waitFor();
    await button("Cancel").click();
    await panel("Replay").getByText("cancelled").waitFor();
  },

  async makes_a_key_and_shows_it_once() {
    await tab("Secret");
    await button("Make a new key").click();
    const made = await page.locator("#new-secret").innerText();
    assert.match(made, /^whsec_/);
    await panel("Secret").getByRole("row").nth(2).waitFor();
    await picture("portal-secret");
    await button("Done, hide it").click();
    assert.equal(await page.getByText(made).count(), 0);
    const { data } = await ask("GET", `${bucket}/webhooks/hook/secrets`);
    assert.equal(data[0].secret, made);
  },

  async goes_by_the_keyboard_and_comes_back_by_the_address() {
    await page.getByRole("tab", { name: "Secret" }).focus();
    await page.keyboard.press("ArrowRight");
    await panel("Days").waitFor();
    await page.reload();
    await panel("Days").waitFor();
    await page.goBack();
    await panel("Secret").waitFor();
  },

  async signs_out() {
    await button("Sign out").click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.deepEqual([complaints, foreign], [[], []]);
  },
});
