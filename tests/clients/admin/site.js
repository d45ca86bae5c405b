// kinto-admin as a site: bundled (its package holds modules, no built app), and served from an origin
// of its own, so that the browser asks Muniment across origins.

import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css"><div id="admin"></div><script src="page.js"></script>`;

const TYPES = {
  ".css": "text/css",
  ".js": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

// What kinto-admin 1.31.1 expects of its bundler, and a style sheet that its package lacks.
const asWebpack = {
  name: "as-webpack",
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: /^~/ }, ({ path, kind, resolveDir }) =>
      resolve(path.slice(1), { kind, resolveDir }),
    );
    onResolve({ filter: /^\.\/style\.css$/ }, ({ path, importer }) =>
      importer.includes("Breadcrumbs") ? { path, namespace: "missing" } : undefined,
    );
    onLoad({ filter: /./, namespace: "missing" }, () => ({ contents: "", loader: "css" }));
  },
};

export async function bundle(folder) {
  await build({
    entryPoints: [join(import.meta.dirname, "page.js")],
    outdir: folder,
    bundle: true,
    minify: true,
    loader: { ".png": "file", ".svg": "file" },
    define: {
      "process.env": "{}",
      "process.env.NODE_ENV": '"production"',
      global: "globalThis",
    },
    plugins: [asWebpack],
  });
}

// Answers with the site's origin.
export async function serve(folder) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://admin");
    const content = pathname === "/" ? PAGE : await readFile(join(folder, pathname)).catch(() => null);
    response.statusCode = content === null ? 404 : 200;
    response.setHeader("Content-Type", TYPES[extname(pathname)] ?? "text/html");
    response.end(content);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${server.address().port}`;
}
