// The page of those who operate webhooks. All it does, it does by the public API; whatever a server or a
// receiver says goes in as text.

const V1 = new URL("../", import.meta.url);
const KEPT = "muniment-authorization";
const POLL_MS = 1000;
const TABS = ["attempts", "send", "replays", "secret", "days"];

const at = (id) => document.getElementById(id);
const state = { user: null, bucket: null, id: null, webhook: null, next: null, polling: 0 };

// --- What is shown -----------------------------------------------------------------------------------------

// An element; children are elements and texts, never markup.
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

const badge = (text, kind = "") => el("span", { class: `badge ${kind}` }, String(text));
const time = (text) => (text == null ? "–" : el("time", { datetime: text }, new Date(text).toLocaleString()));
const nothing = (text) => el("p", { class: "hint" }, text);

function say(text) {
  at("wrong").hidden = true;
  at("told").hidden = !text;
  at("told").textContent = text ?? "";
}

function complain(error) {
  at("told").hidden = true;
  at("wrong").hidden = false;
  at("wrong").textContent = error.message;
  at("wrong").scrollIntoView({ block: "nearest" });
}

// Cells are texts or elements; narrow screens show each beside its column's name.
function table(columns, rows, caption) {
  const cell = (content, number) => {
    const attributes = { "data-label": columns[number], class: content?.wide ? "wide" : null };
    return el("td", attributes, content?.wide ?? content ?? "–");
  };
  const head = el("tr", {}, ...columns.map((name) => el("th", { scope: "col" }, name)));
  const body = el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell))));
  return el("div", { class: "table" }, el("table", { "aria-label": caption }, el("thead", {}, head), body));
}

function facts(list, pairs) {
  list.replaceChildren(
    ...pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value ?? "–"))),
  );
}

// Runs what a person asked for: one at a time, and what goes wrong is told in words.
async function act(button, work) {
  if (button) button.disabled = true;
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    if (button) button.disabled = false;
  }
}

function onSubmit(id, work) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void act(event.submitter, () => work(new FormData(event.target), event.submitter));
  });
}

// --- The API -----------------------------------------------------------------------------------------------

const HINTS = {
  401: "Sign in again: these credentials are not accepted.",
  403: "You may not do this. Webhooks are for those who may write them or their bucket.",
  404: "There is no such thing, or it has just been deleted.",
  412: "Somebody else has changed it meanwhile: look again.",
  503: "The server cannot do this at the moment: try again in some seconds.",
};

async function ask(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(new URL(path, V1), {
      method,
      headers: {
        Authorization: sessionStorage.getItem(KEPT) ?? "",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw new Error("The server does not answer.");
  }
  const told = await answer.json().catch(() => null);
  if (answer.ok) return { ...told, etag: answer.headers.get("ETag") };
  const said = told?.message ? ` (${told.message})` : "";
  throw Object.assign(new Error(`${HINTS[answer.status] ?? "The server refuses this."}${said}`), {
    status: answer.status,
  });
}

const part = encodeURIComponent;
const webhooksPath = () => `buckets/${part(state.bucket)}/webhooks`;
const webhookPath = (more = "") => `${webhooksPath()}/${part(state.id)}${more}`;

function authorization(form) {
  if (form.get("kind") === "bearer") return `Bearer ${form.get("token")}`;
  const bytes = new TextEncoder().encode(`${form.get("user")}:${form.get("password")}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

// --- Signing in --------------------------------------------------------------------------------------------

async function enter() {
  const { user } = await ask("GET", "");
  if (user === undefined) {
    sessionStorage.removeItem(KEPT);
    throw new Error(HINTS[401]);
  }
  state.user = user.id;
  at("who").textContent = at("who").title = user.id;
  at("sign-out").hidden = false;
  at("sign-in").hidden = true;
  const [buckets, types] = await Promise.all([
    ask("GET", "buckets?_fields=id").catch(() => ({ data: [] })),
    ask("GET", "__events__"),
  ]);
  at("buckets").replaceChildren(...buckets.data.map(({ id }) => el("option", { value: id })));
  const names = types.data.map(({ type }) => type);
  const all = ["webhook.ping", ...names.filter((name) => name !== "webhook.ping")];
  at("sample-form").elements.type.replaceChildren(...all.map((name) => el("option", {}, name)));
  at("attempts-form").elements.type.append(...all.map((name) => el("option", {}, name)));
  await route();
}

function leave() {
  sessionStorage.removeItem(KEPT);
  location.hash = "";
  location.reload();
}

// --- Places: #bucket, #bucket/webhook, #bucket/webhook/tab -------------------------------------------------

const go = (...parts) => (location.hash = parts.map(part).join("/"));

async function route() {
  clearTimeout(state.polling);
  if (state.user === null) return;
  const [bucket, id, tab] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const isOther = bucket !== state.bucket || id !== state.id;
  Object.assign(state, { bucket: bucket || null, id: id || null });
  at("list").hidden = Boolean(id);
  at("webhook").hidden = !id;
  at("bucket-form").elements.bucket.value = bucket ?? "";
  if (!id) await showList();
  else {
    if (isOther) clearWebhook();
    await showWebhook();
    await showTab(TABS.includes(tab) ? tab : "attempts");
  }
}

// --- The webhooks of a bucket ------------------------------------------------------------------------------

function stateBadge({ enabled, status }) {
  const now = status?.state ?? "active";
  if (now === "disabled" || enabled === false) return badge("disabled", "bad");
  return badge(now, now === "failing" ? "warn" : "good");
}

async function showList() {
  const list = at("webhooks");
  at("list-title").textContent = "";
  list.replaceChildren();
  if (state.bucket === null) return;
  const { data } = await ask("GET", webhooksPath());
  const states = await Promise.all(
    data.map(({ id }) => ask("GET", `${webhooksPath()}/${part(id)}/status`).catch((error) => ({ error }))),
  );
  at("list-title").textContent = `Webhooks of ${state.bucket}`;
  if (data.length === 0) list.append(nothing("The bucket has no webhooks."));
  else {
    const rows = data.map((webhook, number) => {
      const { data: deliveries, error } = states[number];
      return [
        el("a", { href: `#${part(state.bucket)}/${part(webhook.id)}` }, webhook.id),
        stateBadge(webhook),
        { wide: el("span", { class: "code" }, webhook.url) },
        { wide: webhook.status?.reason || error?.message || "–" },
        deliveries ? String(deliveries.lag_events_max) : "–",
        deliveries ? String(deliveries.parked) : "–",
        deliveries ? String(deliveries.dead) : "–",
      ];
    });
    const columns = ["Webhook", "State", "URL", "Why", "Events behind", "To be retried", "Given up"];
    list.append(table(columns, rows, "Webhooks"));
  }
}

// --- One webhook -------------------------------------------------------------------------------------------

const NAMES = {
  lag_events_max: "Events behind, at most",
  parked: "To be retried",
  dead: "Given up",
  stopped_for: "Stands still, as",
  failing_since: "Failing since",
  next_try_at: "Next try",
  next_offset: "Next offset",
  end_offset: "End of the log",
};

function clearWebhook() {
  for (const id of ["attempt-list", "result", "replay-list", "key-list", "new-key", "day-list"]) {
    at(id).replaceChildren();
  }
  at("count").textContent = "";
  at("attempts-form").reset();
  at("resend-form").reset();
}

async function showWebhook() {
  const { data, etag } = await ask("GET", webhookPath());
  state.webhook = { ...data, etag };
  at("webhook-title").textContent = data.id;
  at("webhook-url").textContent = data.url;
  at("back").href = `#${part(state.bucket)}`;
  at("webhook-state").replaceChildren(stateBadge(data));
  const isOff = data.enabled === false || data.status?.state === "disabled";
  at("enable").textContent = isOff ? "Enable" : "Disable";
  const { reason, since } = data.status ?? {};
  const told = reason ? [`${reason}, since `, time(new Date(since).toISOString())] : [];
  at("webhook-reason").replaceChildren(...told);
  await showStatus();
}

async function showStatus() {
  const { data } = await ask("GET", webhookPath("/status"));
  const known = Object.keys(NAMES).filter((name) => name in data);
  const more = Object.keys(data).filter((name) => !(name in NAMES) && name !== "partition");
  const shown = ([name, value]) => {
    if (value !== null && typeof value === "object") value = JSON.stringify(value);
    const isTime = value !== null && /_(at|since)$/.test(name);
    return [NAMES[name] ?? name.replaceAll("_", " "), isTime ? time(value) : value === null ? null : String(value)];
  };
  facts(at("status"), [...known, ...more].map((name) => shown([name, data[name]])));
}

async function showTab(name) {
  for (const each of TABS) {
    const isChosen = each === name;
    at(`tab-${each}`).setAttribute("aria-selected", isChosen);
    at(`tab-${each}`).tabIndex = isChosen ? 0 : -1;
    at(each).hidden = !isChosen;
  }
  clearTimeout(state.polling);
  if (name !== "secret") at("new-key").replaceChildren();
  const show = { attempts: showAttempts, replays: showReplays, secret: showKeys, days: showDays }[name];
  await show?.();
}

async function switchIt() {
  const isOn = at("enable").textContent === "Disable";
  await ask("PATCH", webhookPath(), { data: { enabled: !isOn } }, { "If-Match": state.webhook.etag });
  await showWebhook();
  say(isOn ? "Disabled: its place is kept." : "Enabled: it goes on from where it was.");
}

// --- Attempts ----------------------------------------------------------------------------------------------

function outcome({ outcome: kind, status }) {
  if (kind === "delivered") return badge(`delivered ${status ?? ""}`.trim(), "good");
  return badge(kind === "status" ? `refused ${status}` : kind.replaceAll("_", " "), "bad");
}

async function showAttempts(before = null) {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(at("attempts-form"))) {
    if (value.trim()) asked.set(name, value.trim());
  }
  asked.set("_limit", "25");
  if (before) asked.set("_before", before);
  const { data, next } = await ask("GET", webhookPath(`/attempts?${asked}`));
  const rows = data.map((attempt) => [
    el("button", { type: "button", class: "link", onclick: () => showAttempt(attempt) }, time(attempt.at)),
    outcome(attempt),
    attempt.type,
    String(attempt.number),
    `${Math.round(attempt.ms.total)} ms`,
    { wide: el("span", { class: "code" }, attempt.uri ?? attempt.message_id) },
  ]);
  state.next = next;
  at("older").hidden = next === null;
  const list = at("attempt-list");
  if (before) list.querySelector("tbody").append(...table(COLUMNS, rows).querySelectorAll("tbody tr"));
  else if (rows.length === 0) list.replaceChildren(nothing("No attempts."));
  else list.replaceChildren(table(COLUMNS, rows, "Attempts"));
}

const COLUMNS = ["At", "Outcome", "Type", "Try", "Took", "Object"];

function showAttempt(attempt) {
  const { ms } = attempt;
  const list = el("dl", { class: "facts" });
  facts(list, [
    ["At", time(attempt.at)],
    ["Outcome", outcome(attempt)],
    ["Try", String(attempt.number)],
    ["Next try", time(attempt.next_try_at)],
    ["Type", attempt.type],
    ["Events", String(attempt.events)],
    ["Offset", String(attempt.offset ?? "–")],
    ["Address", attempt.address],
    ["Connection", attempt.is_reused ? "reused" : "new"],
    ...Object.entries(ms).map(([name, value]) => [
      `${name.replaceAll("_", " ")}, ms`,
      value === null ? null : String(value),
    ]),
  ]);
  const headers = attempt.request_headers;
  const lines = headers && Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  at("attempt-title").textContent = attempt.message_id;
  at("attempt-body").replaceChildren(
    list,
    ...(attempt.detail ? [el("h3", {}, "What went wrong"), el("pre", {}, attempt.detail)] : []),
    ...(lines ? [el("h3", {}, "Headers of the request"), el("pre", {}, lines.join("\n"))] : []),
    el("h3", {}, "What the receiver answered"),
    el("pre", { id: "answer" }, attempt.answer || "(nothing)"),
  );
  const isOfEvent = attempt.message_id.startsWith("evt_");
  at("attempt-resend").hidden = !isOfEvent;
  at("attempt-resend").onclick = () => {
    at("attempt").close();
    go(state.bucket, state.id, "send");
    at("resend-form").elements.message_id.value = attempt.message_id;
    at("resend-form").requestSubmit();
  };
  at("attempt").showModal();
}

// --- Sending -----------------------------------------------------------------------------------------------

async function send(asked) {
  at("result").replaceChildren(nothing("Under way …"));
  try {
    const { data } = await ask("POST", webhookPath("/messages"), asked);
    const list = el("dl", { class: "facts" });
    facts(list, [
      ["Outcome", outcome({ outcome: data.delivered ? "delivered" : (data.error ?? "status"), status: data.status })],
      ["Took", `${Math.round(data.total_ms)} ms`],
      ["Message", data.message_id],
      ["Detail", data.detail],
    ]);
    const answer = el("pre", { id: "result-answer" }, data.answer || "(nothing)");
    at("result").replaceChildren(list, el("h3", {}, "What the receiver answered"), answer);
    say(data.delivered ? "Delivered." : "");
  } catch (error) {
    at("result").replaceChildren();
    throw error;
  }
}

// --- Replays -----------------------------------------------------------------------------------------------

function boundOf(form, name) {
  const kind = form.get(name);
  const value = form.get(`${name}-value`);
  if (kind === "") return undefined;
  if (kind === "beginning" || kind === "snapshot") return kind;
  if (!value) throw new Error(`Say ${name === "from" ? "from" : "until"} which ${kind}.`);
  return { [kind]: kind === "time" ? new Date(value).toISOString() : Number(value) };
}

async function replay(form, isDryRun) {
  const asked = { from: boundOf(form, "from"), until: boundOf(form, "until"), dry_run: isDryRun };
  if (form.get("filter")) asked.filter = form.get("filter");
  if (form.get("rate")) asked.rate = Number(form.get("rate"));
  at("count").textContent = isDryRun ? "Counting …" : "";
  const { data } = await ask("POST", webhookPath("/replays"), asked).catch((error) => {
    at("count").textContent = "";
    throw error;
  });
  if (!isDryRun) {
    say("The replay is on its way.");
    await showReplays();
    return;
  }
  const least = data.is_complete ? "" : "At least ";
  at("count").textContent = `${least}${data.events} ${data.events === 1 ? "event" : "events"} would be sent.`;
}

async function showReplays() {
  clearTimeout(state.polling);
  const { data } = await ask("GET", webhookPath("/replays"));
  const list = at("replay-list");
  // What is just being pressed must not be replaced under the finger.
  if (list.querySelector("button:active") === null) showJobs(list, data);
  if (data.some(({ has_ended: hasEnded }) => !hasEnded)) {
    state.polling = setTimeout(() => void act(null, showReplays), POLL_MS);
  }
}

function showJobs(list, data) {
  if (data.length === 0) {
    list.replaceChildren(nothing("No replays so far."));
    return;
  }
  const focused = document.activeElement?.dataset.action;
  const columns = ["Begun", "State", "Progress", "Delivered", "Given up", "Do"];
  list.replaceChildren(table(columns, data.map(replayRow), "Replays"));
  if (focused) list.querySelector(`[data-action="${CSS.escape(focused)}"]`)?.focus();
}

function replayRow(job) {
  const share = job.progress === null ? {} : { value: job.progress };
  const kind = { done: "good", failed: "bad", cancelled: "bad", paused: "warn" }[job.state];
  const wish = (label, wanted) =>
    el(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-action": `${job.id} ${label}`,
        onclick: (event) =>
          act(event.target, async () => {
            await ask("PATCH", webhookPath(`/replays/${part(job.id)}`), { state: wanted });
            await showReplays();
          }),
      },
      label,
    );
  const isPaused = job.state === "paused";
  return [
    time(job.created_at),
    badge(job.state, kind),
    el("progress", { "aria-label": "Progress", max: 1, ...share }),
    String(job.delivered),
    String(job.dead),
    job.has_ended
      ? "–"
      : el("span", {}, isPaused ? wish("Go on", "running") : wish("Pause", "paused"), wish("Cancel", "cancelled")),
  ];
}

function showBound(select) {
  const label = document.querySelector(`[data-bound="${select.name}"]`);
  const input = label.querySelector("input");
  const hasValue = ["time", "offset", "sequence"].includes(select.value);
  label.hidden = !hasValue;
  input.type = select.value === "time" ? "datetime-local" : "number";
  input.min = select.value === "time" ? "" : "0";
}

// --- Keys --------------------------------------------------------------------------------------------------

const moment = (ms) => (ms == null ? "–" : time(new Date(ms).toISOString()));

async function showKeys() {
  const { data } = await ask("GET", webhookPath("/secrets"));
  const rows = data.map((key) => [
    el("span", { class: "code" }, key.id),
    key.algorithm,
    moment(key.created),
    key.expires == null ? "does not expire" : moment(key.expires),
  ]);
  at("key-list").replaceChildren(table(["Key", "Algorithm", "Made", "Signs until"], rows, "Keys"));
}

async function rotate(form) {
  const asked = { algorithm: form.get("algorithm"), overlap_s: Number(form.get("overlap")) };
  if (asked.overlap_s === 0 && !confirm("Revoke the older keys at once? Receivers that have not got the new one will refuse what comes.")) return;
  const { data } = await ask("POST", webhookPath("/secrets"), asked);
  const [made] = data.filter(({ algorithm }) => algorithm === asked.algorithm);
  const text = made.secret ?? made.public_key ?? "";
  at("new-key").replaceChildren(
    el("p", {}, "The new key. It is shown here once: give it to the receiver."),
    el("pre", { id: "new-secret" }, text),
    el("button", { type: "button", onclick: () => act(null, () => copy(text)) }, "Copy"),
    " ",
    el("button", { type: "button", class: "quiet", onclick: () => at("new-key").replaceChildren() }, "Done, hide it"),
  );
  await showKeys();
}

async function copy(text) {
  await navigator.clipboard.writeText(text);
  say("Copied.");
}

// --- Days --------------------------------------------------------------------------------------------------

async function showDays() {
  const { data } = await ask("GET", webhookPath("/attempts/days?_limit=60"));
  const rows = data.map((day) => [
    day.day,
    String(day.attempts),
    String(day.acknowledged),
    { wide: Object.entries(day.outcomes).map(([name, count]) => `${name.replaceAll("_", " ")} ${count}`).join(", ") },
  ]);
  const columns = ["Day (UTC)", "Attempts", "Taken", "By outcome"];
  at("day-list").replaceChildren(rows.length ? table(columns, rows, "Days") : nothing("No attempts so far."));
}

// --- Beginning ---------------------------------------------------------------------------------------------

onSubmit("sign-in-form", async (form) => {
  sessionStorage.setItem(KEPT, authorization(form));
  await enter();
  say("");
  at("sign-in-form").reset();
});
onSubmit("bucket-form", async (form) => {
  say("");
  const isSame = location.hash === `#${part(form.get("bucket"))}`;
  go(form.get("bucket"));
  if (isSame) await showList();
});
onSubmit("attempts-form", async () => {
  say("");
  await showAttempts();
});
onSubmit("sample-form", (form) => send({ type: form.get("type") }));
onSubmit("resend-form", (form) => send({ message_id: form.get("message_id").trim() }));
onSubmit("replay-form", (form, button) => replay(form, button?.value !== "start"));
onSubmit("rotate-form", rotate);

at("sign-out").addEventListener("click", leave);
at("enable").addEventListener("click", (event) => act(event.target, switchIt));
at("older").addEventListener("click", (event) => act(event.target, () => showAttempts(state.next)));
at("sign-in-form").elements.kind.addEventListener("change", ({ target }) => {
  for (const label of document.querySelectorAll("[data-kind]")) label.hidden = label.dataset.kind !== target.value;
});
for (const name of ["from", "until"]) {
  const select = at("replay-form").elements[name];
  select.addEventListener("change", () => showBound(select));
  showBound(select);
}
for (const [number, name] of TABS.entries()) {
  at(`tab-${name}`).addEventListener("click", () => go(state.bucket, state.id, name));
  at(`tab-${name}`).addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const other = TABS[(number + step + TABS.length) % TABS.length];
    at(`tab-${other}`).focus();
    go(state.bucket, state.id, other);
  });
}
window.addEventListener("hashchange", () => {
  at("wrong").hidden = true;
  say("");
  void act(null, route);
});
void act(null, async () => {
  at("sign-in").hidden = false;
  if (sessionStorage.getItem(KEPT)) await enter();
});
