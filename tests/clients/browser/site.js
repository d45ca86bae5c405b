// A site of static files, on an origin of its own: its pages ask Muniment across origins.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".js": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

// Serves the page at `/` and a folder's files beside it. Answers with the origin.
export async function serve(html, folder) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    const content = pathname === "/" ? html : await readFile(join(folder, pathname)).catch(() => null);
    response.statusCode = content === null ? 404 : 200;
    response.setHeader("Content-Type", TYPES[extname(pathname)] ?? "text/html");
    response.end(content);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${server.address().port}`;
}
