import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loopDocuments } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { filesWith } from "../support/stored-everywhere.ts";
import {
  type Ended,
  type MarkedFolder,
  markedFolder,
  type RunningCommand,
  runJm,
  startJm,
} from "./running-commands.ts";

/** Secrets as a person has them: `up` in one terminal, `jm secret` in another. */
let folder: MarkedFolder;
let store: string;
let seedFile: string;
let up: RunningCommand;
let url: string;
const value = `canary/${randomBytes(24).toString("base64")}`;

const jm = (args: readonly string[], input?: string): Promise<Ended> =>
  runJm(["--url", url, ...args], { env: folder.env, ...(input === undefined ? {} : { input }) });
const seeds = (): string[] => readFileSync(seedFile, "utf8").trim().split("\n");
const turn = (): Promise<Ended> => jm(["jet", "trigger", "loop1", "turn", "--wait"]);

beforeAll(async () => {
  folder = markedFolder();
  store = join(folder.path, "store");
  seedFile = join(store, "auth/secrets.seed");
  up = startJm(["up", "--store", store, "--port", "-1"], { env: folder.env });
  [, url = ""] = await up.prints(/The mesh is at (\S+)\. Talk to it:/);
  const file = join(folder.path, "loop.yaml");
  const step = {
    shell: `test "$WORD" = "$(cat ${folder.path}/word)" && echo "$WORD"`,
    env: { WORD: "{{ secrets.word }}" },
  };
  writeFileSync(join(folder.path, "word"), value);
  writeFileSync(
    file,
    loopDocuments([step], { error: "resting" })
      .map((one) => JSON.stringify(one))
      .join("\n---\n"),
  );
  expect(await jm(["apply", "-f", file])).toMatchObject({ exitCode: 0 });
  expect(await jm(["jet", "create", "loop", "loop1", "--wait"])).toMatchObject({ exitCode: 0 });
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

test("a value comes on standard input, and is told to nobody but the step", async () => {
  expect(statSync(seedFile).mode & 0o777).toBe(0o600);
  const set = await jm(["secret", "set", "word", "--jet", "loop1"], `${value}\n`);
  expect(set).toMatchObject({ exitCode: 0, stdout: "secret word of jet loop1 is set, version 1\n" });
  expect((await turn()).exitCode).toBe(0);
  const list = await jm(["secret", "list", "--jet", "loop1"]);
  expect(list.stdout).toMatch(/^NAME +OF +VERSION +SET BY +AT\nword +jet loop1 +1 +root +/);
  const json = JSON.parse((await jm(["--json", "secret", "list", "--jet", "loop1"])).stdout) as {
    items: object[];
  };
  expect(Object.keys(json.items[0] ?? {}).sort()).toEqual(["at", "by", "jet", "key", "name", "version"]);
  expect(filesWith(store, value)).toEqual([]);
  expect(up.output()).not.toContain(value);
});

test("a value that is too short, or of two owners, is refused", async () => {
  expect((await jm(["secret", "set", "word"], "abc\n")).stderr).toContain("4 characters at least");
  const both = await jm(["secret", "set", "word", "--jet", "loop1", "--template", "loop"], value);
  expect(both).toMatchObject({ exitCode: 2 });
  expect((await jm(["secret", "delete", "nothing"])).stderr).toContain("there is no secret 'nothing'");
});

test("another key takes the place of one, also where that was stopped half way, and the old seed is forgotten", async () => {
  const rotate = ["secret", "rotate-key", "--store", store];
  expect(await jm(rotate)).toMatchObject({ exitCode: 0 });
  const [second, first] = seeds();
  expect(seeds()).toHaveLength(2);
  expect((await turn()).exitCode).toBe(0);
  // What a rotation leaves that is killed once it has made a seed.
  expect((await jm(["secret", "new-seed", seedFile])).stdout).toMatch(/^X[A-Z2-7]{55}\n$/);
  const third = seeds()[0];
  const done = await jm([...rotate, "--forget"]);
  expect(done.stdout).toMatch(/^secrets are sealed to X[A-Z2-7]{55}; 1 records were sealed anew\n$/);
  expect(seeds()).toEqual([third]);
  expect(new Set([first, second, third]).size).toBe(3);
  expect((await turn()).exitCode).toBe(0);
});

test("one that is deleted is not there for a step any more", async () => {
  expect((await jm(["secret", "delete", "word", "--jet", "loop1"])).exitCode).toBe(0);
  const { exitCode, stderr } = await turn();
  expect(exitCode).toBe(1);
  expect(stderr).toContain("unknown_secret");
  up.signalGroup("SIGINT");
  expect(await up.ended).toMatchObject({ exitCode: 0 });
  await folder.nothingIsLeft();
  expect(filesWith(join(store, "nats"), value)).toEqual([]);
});
