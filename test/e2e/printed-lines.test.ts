import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { natsBinary } from "../support/nats-binary.ts";
import {
  type Ended,
  markedFolder,
  type RunningCommand,
  startBootstrapped,
  startCommand,
} from "./running-commands.ts";

/** What `npm start` prints, typed in as it is. */
const folder = markedFolder();
let up: RunningCommand;
let lines: string[] = [];
let nats: { readonly folder: string } | { readonly missing: string };

const BROUGHT_MS = 300_000;

beforeAll(async () => {
  nats = await natsBinary();
  up = startBootstrapped(["--store", join(folder.path, "store"), "--port", "-1"], { env: folder.env });
  await up.prints(/Ctrl-C stops it/);
  lines = [...up.output().matchAll(/^ {2}((?:nats|\.\/jm) .*)$/gm)].map(([, line = ""]) => line);
}, BROUGHT_MS + 60_000);

afterAll(async () => {
  up.child.kill("SIGTERM");
  await up.ended;
  await folder[Symbol.asyncDispose]();
});

it("three are of `nats` and three of `./jm`", () => {
  expect(lines.filter((line) => line.startsWith("nats "))).toHaveLength(3);
  expect(lines.filter((line) => line.startsWith("./jm "))).toHaveLength(3);
});

describe("a line of ./jm works as printed:", () => {
  it("jet list", async () => {
    const { exitCode, stdout } = await typed(lineWith("jet list"));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^web1 +web +running/m);
  });

  it("jet trigger web1 restart --wait", async () => {
    const { exitCode, stdout } = await typed(lineWith("jet trigger"));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/running → restarting[^]*restarting → running[^]*outcome: SUCCESS/);
  });

  it("watch web1, until Ctrl-C", async () => {
    // An interactive shell survives the Ctrl-C that this one would die of.
    const watch = type(`exec ${lineWith("watch web1")}`);
    await watch.prints(/web1 {2}running/);
    watch.signalGroup("SIGINT");
    expect((await watch.ended).exitCode).toBe(0);
  });
});

describe("a line of nats works as printed:", () => {
  it("micro ls shows jetmesh", async (context) => {
    needsNats(context);
    const { exitCode, stdout } = await typed(lineWith("micro ls"));
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining("jetmesh") as string,
    });
  });

  it("kv get jm_jets web1 shows the record", async (context) => {
    needsNats(context);
    const { exitCode, stdout } = await typed(lineWith("kv get"));
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining('"reference":"web1"') as string,
    });
  });

  it("pub restarts web1", async (context) => {
    needsNats(context);
    const before = up.output().length;
    expect((await typed(lineWith("pub jm.trigger"))).exitCode).toBe(0);
    await up.prints(new RegExp(`^[^]{${before}}[^]*running → restarting[^]*restarting → running`));
  });
});

const lineWith = (text: string): string => {
  const found = lines.find((line) => line.includes(text));
  if (found === undefined) throw new Error(`no line with '${text}' in:\n${lines.join("\n")}`);
  return found;
};

function type(line: string): RunningCommand {
  const own = "folder" in nats ? `${nats.folder}${delimiter}` : "";
  return startCommand("sh", ["-c", line], { env: { PATH: `${own}${process.env["PATH"] ?? ""}` } });
}
const typed = (line: string): Promise<Ended> => type(line).ended;

function needsNats(context: TestContext): void {
  if ("folder" in nats) return;
  process.stderr.write(`SKIPPED: a printed line of \`nats\` was not run: ${nats.missing}\n`);
  context.skip(nats.missing);
}
