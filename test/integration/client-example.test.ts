import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { startMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/client/tour.ts");

test("the program of docs/client.md is examples/client/tour.ts, and does what it says", async () => {
  const [, shown] = /```ts\n([^]*?)```/.exec(readFileSync(join(ROOT, "docs/client.md"), "utf8")) ?? [];
  expect(readFileSync(EXAMPLE, "utf8")).toBe(shown);
  await using mesh = await startMesh();
  const env = { PATH: process.env["PATH"] ?? "", NATS_URL: mesh.url };
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], { env, timeout: 30_000 });
  expect(stdout).toBe("SUCCESS ready\nbrewed 3\nbrown ready\nunknown_jet\n");
});
