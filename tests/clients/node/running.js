// Runs named cases one after another. For each it prints one line of JSON: the case's name, and what
// was wrong or null. The comment above a case names the contract's rules; pytest reads both from the
// script's text (tests/support/node.py).

const CASE_TIMEOUT_MS = 60000;

export function basic(name) {
  return { Authorization: "Basic " + btoa(`${name}:password`) };
}

export async function run(cases, prepare = () => {}) {
  for (const [name, body] of Object.entries(cases)) {
    const error = await fault(async () => body(await prepare(name)));
    await print({ case: name, error });
  }
  process.exit(0);
}

async function fault(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), CASE_TIMEOUT_MS);
  });
  try {
    await Promise.race([work(), late]);
    return null;
  } catch (error) {
    return String(error.stack ?? error);
  } finally {
    clearTimeout(timer);
  }
}

function print(line) {
  return new Promise((resolve) => process.stdout.write(JSON.stringify(line) + "\n", resolve));
}
