// Build the elements into the Python package, which serves them at /elements/, and everything into dist/ for npm.
//
// node build.mjs           writes both
// node build.mjs --dist    writes dist/ only
// node build.mjs --check   fails when the Python package's files are not what the sources make

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const SERVED = new URL("../photoplay/pages/elements/", import.meta.url).pathname;
const MOST_BYTES = 20_480;
const ELEMENTS = readdirSync("src").filter((name) => name.includes("-") && name.endsWith(".ts"));

/** Style sheets become strings of the scripts that adopt them. */
export const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

export const shared = {
  bundle: true,
  format: "esm",
  target: ["chrome123", "firefox124", "safari17.5"],
  charset: "utf8",
  plugins: [styles],
  logLevel: "warning",
};

/** One script with all elements compresses best; languages stay apart, for who speaks them. */
async function buildElements(folder) {
  rmSync(folder, { recursive: true, force: true });
  await build({
    ...shared,
    entryPoints: ["src/index.ts"],
    outdir: folder,
    splitting: true,
    minify: true,
    chunkNames: "[name]-[hash]",
  });
}

/** What npm gets. All entries share their chunks, so that a page's elements and components share their settings. */
async function buildDist() {
  rmSync("dist", { recursive: true, force: true });
  await build({
    ...shared,
    entryPoints: [
      ...["index.ts", ...ELEMENTS].map((name) => ({ in: `src/${name}`, out: `elements/${name.replace(/\.ts$/, "")}` })),
      { in: "react/index.ts", out: "react/index" },
    ],
    outdir: "dist",
    splitting: true,
    minify: true,
    jsx: "automatic",
    external: ["react", "react/jsx-runtime"],
    chunkNames: "chunks/[name]-[hash]",
  });
  execFileSync("npx", ["tsc", "--project", "tsconfig.types.json"], { stdio: "inherit" });
  copyFileSync("../LICENSE", "dist/LICENSE");
}

function sizes(folder) {
  const rows = readdirSync(folder).map((name) => [name, gzipSync(readFileSync(join(folder, name)), { level: 9 }).length]);
  const total = rows.reduce((sum, [, bytes]) => sum + bytes, 0);
  for (const [name, bytes] of rows) console.log(`${String(bytes).padStart(6)}  ${name}`);
  console.log(`${String(total).padStart(6)}  all, gzipped; at most ${MOST_BYTES}`);
  if (total > MOST_BYTES) throw new Error("the elements are too large");
}

function differences(built, served) {
  const names = new Set([...readdirSync(built), ...readdirSync(served)]);
  const read = (folder, name) => (readdirSync(folder).includes(name) ? readFileSync(join(folder, name), "utf8") : null);
  return [...names].filter((name) => read(built, name) !== read(served, name));
}

async function check() {
  const built = mkdtempSync(join(tmpdir(), "photoplay-elements-"));
  await buildElements(built);
  const differ = differences(built, SERVED);
  rmSync(built, { recursive: true });
  if (differ.length) throw new Error(`built anew, these differ: ${differ.join(", ")}; run npm run build`);
}


const isMain = process.argv[1] === new URL(import.meta.url).pathname;
const isAsked = (option) => isMain && process.argv.includes(option);
if (isAsked("--check")) await check();
else if (isMain && !isAsked("--dist")) await buildElements(SERVED);
if (isMain && !isAsked("--check")) await buildDist();
if (isMain) sizes(SERVED);
