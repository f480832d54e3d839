import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { markedFolder, runJm, startBootstrapped, transitionsIn } from "./running-commands.ts";

it("`npm start -- --once` takes web1 up, down and away, and leaves nothing", async () => {
  await using folder = markedFolder();
  const { exitCode, stdout, stderr } = await startBootstrapped(["--once", "--port", "-1"], {
    env: folder.env,
  }).ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(transitionsIn(stdout)).toEqual([
    "— → preparing",
    "preparing → stopped",
    "stopped → starting",
    "starting → running",
    "running → stopping",
    "stopping → stopped",
    "stopped → destroying",
    "destroying → —",
  ]);
  expect(stdout).toMatch(/web1 serves http:\/\/127\.0\.0\.1:\d+\//);
  await folder.nothingIsLeft();
  expect(readdirSync(folder.path)).toEqual([]);
});

it("an example that is not there is a usage error, before anything is started", async () => {
  await using folder = markedFolder();
  const { exitCode, stdout, stderr } = await runJm(["up", "--once", "--example", "no/such/folder"], {
    env: folder.env,
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain("there is no folder 'no/such/folder'");
});

const FAILING = `
apiVersion: jetmesh/v1
kind: Template
reference: web
accessLevel: user
actions:
  - { reference: create, accessLevel: user, transit: moving, to: stopped }
  - { reference: start, accessLevel: user, from: stopped, transit: moving, to: running, plan: fail }
  - { reference: stop, accessLevel: user, from: running, transit: moving, to: stopped }
---
{ apiVersion: jetmesh/v1, kind: Plan, reference: fail, steps: [{ reference: break, shell: "echo no disk >&2; exit 7" }] }
---
{ apiVersion: jetmesh/v1, kind: State, reference: moving }
---
{ apiVersion: jetmesh/v1, kind: State, reference: stopped }
---
{ apiVersion: jetmesh/v1, kind: State, reference: running }
`;

it("a failure of `--once` is told with its reason, exits 1 and stops everything", async () => {
  await using folder = markedFolder();
  const example = join(folder.path, "example");
  mkdirSync(example);
  writeFileSync(join(example, "web.yaml"), FAILING);
  const args = ["up", "--once", "--port", "-1", "--example", example];
  const { exitCode, stdout, stderr } = await runJm(args, { env: folder.env });
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/moving → stopped {2}start {2}ERROR/);
  expect(stderr).toMatch(/the action of web1 failed with step_failed: .*7/);
  await folder.nothingIsLeft();
});

it("a service that cannot start ends `up` with 1, the reason and its log", async () => {
  await using folder = markedFolder();
  const { exitCode, stderr } = await runJm(["up", "--once", "--port", "-1"], {
    env: { ...folder.env, JM_LOG_LEVEL: "loud" },
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/did not start: exit code 1/);
  expect(stderr).toContain("JM_LOG_LEVEL");
  await folder.nothingIsLeft();
});
