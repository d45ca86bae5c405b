// kinto-admin as a site: its package holds modules and no built app, so they are bundled here.

import { build } from "esbuild";
import { join } from "node:path";
import { serve } from "./site.js";

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<link rel="stylesheet" href="admin_page.css"><div id="admin"></div>
<script src="admin_page.js"></script>`;

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

// Bundles it into the folder and serves it. Answers with the origin.
export async function serveAdmin(folder) {
  await build({
    entryPoints: [join(import.meta.dirname, "admin_page.js")],
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
  return serve(PAGE, folder);
}
