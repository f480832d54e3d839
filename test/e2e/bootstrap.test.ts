// From a fresh clone to a running command, on the oldest Node that may start it. Pinned here: the bootstrap does not
// parse there; two at once spoil each other; a lock outlives its owner; a satisfied set-up talks or works; an old
// nats-server is used; a person is left without a way on; a signal leaves a process behind.
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootstrapCopy, type Outcome, runToEnd, start, writeFakeServer } from "../support/bootstrap-copy.ts";
import { ROOT } from "../support/repository.ts";

const OLD_NODE = join(ROOT, ".cache/node-18");
const OLD_NODE_BINARY = join(OLD_NODE, `node_modules/node-linux-${process.arch}/bin/node`);

type Started = { args: string[]; cwd: string; node: string; pid: number; server?: string };

let copy: Awaited<ReturnType<typeof bootstrapCopy>>;
let firstRuns: Outcome[];
let noNode18: string | undefined;

const bootstrap = (): string => join(copy.root, "scripts/bootstrap.mjs");
const started = ({ stdout }: Outcome): Started => JSON.parse(stdout) as Started;

/** Node 18 as an npm package; the reason where it cannot be had. */
async function fetchOldNode(): Promise<string | undefined> {
  if (existsSync(OLD_NODE_BINARY)) return undefined;
  const name = `node-linux-${process.arch}@18`;
  const args = ["install", "--prefix", OLD_NODE, "--ignore-scripts", "--no-audit", "--no-fund", name];
  const { exitCode, stderr } = await runToEnd("npm", args);
  return exitCode === 0 ? undefined : `npm install ${name} failed: ${stderr.trim()}`;
}

beforeAll(async () => {
  copy = await bootstrapCopy();
  noNode18 = process.platform === "linux" ? await fetchOldNode() : "Node 18 is fetched on Linux alone";
  if (noNode18 !== undefined) process.stderr.write(`THE BOOTSTRAP IS NOT TESTED ON NODE 18: ${noNode18}\n`);
  // A lock whose owner died, and two bootstraps that start together on a checkout where nothing is installed.
  await mkdir(join(copy.root, ".cache/lock"));
  await writeFile(join(copy.root, ".cache/lock/4194304.1"), "");
  const node = noNode18 === undefined ? OLD_NODE_BINARY : process.execPath;
  firstRuns = await Promise.all([1, 2].map(() => runToEnd(node, [bootstrap(), "jm", "first"])));
});

afterAll(() => copy[Symbol.asyncDispose]());

describe("a fresh checkout", () => {
  it("is set up by one of two bootstraps on Node 18, and both run their command on a newer Node", ({
    skip,
  }) => {
    for (const outcome of firstRuns) {
      expect(outcome.stderr).not.toContain("failed");
      expect(outcome.exitCode).toBe(0);
      expect(Number(started(outcome).node.split(".")[0])).toBeGreaterThanOrEqual(22);
    }
    const installs = firstRuns.filter(({ stderr }) => stderr.includes("installing the packages"));
    expect(installs).toHaveLength(1);
    if (noNode18 !== undefined) skip(noNode18);
  });

  it("keeps no lock and no half-made folder", async () => {
    const left = (await readdir(join(copy.root, ".cache"))).filter((name) => /lock|part/.test(name));
    expect(left).toEqual([]);
  });
});

describe("a checkout that is set up", () => {
  it("runs the command at once, says nothing, and keeps the caller's folder through a symlink", async () => {
    const folder = join(copy.root, "elsewhere");
    await mkdir(folder);
    await symlink(join(copy.root, "jm"), join(folder, "mesh"));
    const outcome = await runToEnd(join(folder, "mesh"), ["apply", "-f", "a b.yaml"], { cwd: folder });
    expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
    expect(started(outcome)).toMatchObject({ args: ["apply", "-f", "a b.yaml"], cwd: folder });
  });

  it("names what can be run where a command is unknown", async () => {
    const outcome = await runToEnd(process.execPath, [bootstrap(), "fly"]);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: "" });
    expect(outcome.stderr).toContain('unknown command "fly"');
  });
});

describe("the nats-server", () => {
  const up = (env: Record<string, string>): Promise<Outcome> =>
    runToEnd(process.execPath, [bootstrap(), "jm", "up"], { env });

  it("on the PATH is passed over with one line where it is too old, and not mentioned again", async () => {
    const onPath = join(copy.root, "old-server");
    const fetched = join(copy.root, ".cache/nats-server/nats-server");
    await writeFakeServer(join(onPath, "nats-server"), "2.9.10");
    await writeFakeServer(fetched, "2.14.0");
    const env = { PATH: onPath };
    const first = await up(env);
    expect(first.stderr).toBe(
      `bootstrap: ${join(onPath, "nats-server")} is 2.9.10, older than 2.14.0: passed over\n`,
    );
    expect(started(first).server).toBe(fetched);
    expect((await up(env)).stderr).toBe("");
  });

  it("named by NATS_SERVER comes first", async () => {
    const named = join(copy.root, "named/nats-server");
    await writeFakeServer(named, "2.15.1");
    const outcome = await up({ NATS_SERVER: named });
    expect(outcome.stderr).toBe("");
    expect(started(outcome).server).toBe(named);
  });

  it("named by NATS_SERVER is passed over with one line where it cannot be run", async () => {
    const named = join(copy.root, "not-there");
    const outcome = await up({ NATS_SERVER: named });
    expect(outcome.stderr).toBe(`bootstrap: NATS_SERVER names ${named}, which cannot be run: passed over\n`);
    expect(started(outcome).server).toBe(join(copy.root, ".cache/nats-server/nats-server"));
  });

  it("is asked of a person, with the ways to get one, where it cannot be fetched", async () => {
    await rm(join(copy.root, ".cache/nats-server"), { recursive: true, force: true });
    const outcome = await up({ PATH: join(copy.root, "nothing-here") });
    expect(outcome).toMatchObject({ exitCode: 1, stdout: "" });
    for (const way of [
      "github.com/nats-io/nats-server/releases",
      "brew install",
      "docker run",
      "NATS_SERVER",
    ]) {
      expect(outcome.stderr).toContain(way);
    }
  });

  it("is not looked for where NATS_URL names a running one", async () => {
    const outcome = await up({ PATH: join(copy.root, "nothing-here"), NATS_URL: "nats://127.0.0.1:4222" });
    expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("a signal", () => {
  async function terminated(file: string, ...args: string[]): Promise<Outcome> {
    const env = { NATS_URL: "nats://127.0.0.1:4222" };
    const { child, ended } = start(file, args, { cwd: copy.root, env });
    if (child.stdout !== null) await once(child.stdout, "data");
    child.kill("SIGTERM");
    return ended;
  }

  it("to the bootstrap reaches the command, and a drained command ends with 0", async () => {
    const outcome = await terminated(process.execPath, bootstrap(), "jm", "--wait", "--drain");
    expect(outcome.exitCode).toBe(0);
  });

  it("to the bootstrap that ends the command gives 128 and its number", async () => {
    expect((await terminated(process.execPath, bootstrap(), "jm", "--wait")).exitCode).toBe(143);
  });

  // npm's own shell would die of the signal and leave the rest running: the scripts begin with `exec`.
  it("to `npm start` reaches the command, which has the arguments behind the dashes", async () => {
    const outcome = await terminated("npm", "start", "--silent", "--", "--wait", "--drain");
    expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
    const { args, pid } = started(outcome);
    expect(args).toEqual(["up", "--example", "examples/web", "--wait", "--drain"]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
