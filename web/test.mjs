// Bundle the tests and run them with Node's own runner.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { shared } from "./build.mjs";

const folder = mkdtempSync(join(tmpdir(), "photoplay-tests-"));
const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
await build({
  ...shared,
  entryPoints: tests.map((name) => `test/${name}`),
  outdir: folder,
  outExtension: { ".js": ".mjs" },
  platform: "node",
  target: "node18",
  sourcemap: "inline",
});
const files = tests.map((name) => join(folder, name.replace(/ts$/, "mjs")));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
rmSync(folder, { recursive: true });
process.exit(status ?? 1);
