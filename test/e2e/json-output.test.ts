import { join } from "node:path";
import type { TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allCommands, noteId, SECTIONS, startPageMesh, withKnown } from "./cli-page.ts";
import { type Ended, markedFolder, runJm, startJm } from "./running-commands.ts";

/** With `--json` a command prints one line, which is an object; one that goes on prints a line for each event. */
const folder = markedFolder();
let mesh: TestMesh;
beforeAll(async () => {
  mesh = await startPageMesh();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  await folder[Symbol.asyncDispose]();
});

const jm = (...args: string[]): Promise<Ended> =>
  runJm(["--json", ...args], { env: { ...folder.env, NATS_URL: mesh.server.url } });

/** What is wrong with the output of a command that is to print one object. */
function faultOf({ exitCode, stdout, stderr }: Ended): string | undefined {
  if (exitCode !== 0) return `it ended with ${String(exitCode)}: ${stderr}`;
  if (!/^[^\n]+\n$/.test(stdout)) return `it printed ${JSON.stringify(stdout)}`;
  return isObject(stdout) ? undefined : `it printed no object: ${stdout}`;
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

/** Commands that the page has no example of: what is run here instead, or the test that asks the same of it. */
const BESIDE: Readonly<Record<string, () => Promise<string | undefined>>> = {
  "auth config": async () =>
    faultOf(await jm("auth", "config", "--offline", "--keys", join(folder.path, "keys"))),
  "secret set": async () =>
    faultOf(
      await runJm(["--json", "secret", "set", "word"], {
        env: { ...folder.env, NATS_URL: mesh.server.url },
        input: "open sesame\n",
      }),
    ),
  "secret rotate-key": async () =>
    faultOf(await jm("secret", "rotate-key", "--seed-file", mesh.seedFile, "--forget")),
  "secret delete": async () => faultOf(await jm("secret", "delete", "word")),
  "secret new-seed": async () => faultOf(await jm("secret", "new-seed", join(folder.path, "seeds"))),
  up: async () => faultOf(await runJm(["--json", "up", "--once", "--port", "-1"], { env: folder.env })),
  watch: async () => {
    const watch = startJm(["--json", "watch", "watched"], {
      env: { ...folder.env, NATS_URL: mesh.server.url },
    });
    await watch.prints(/there is no jet/);
    await jm("jet", "create", "site", "watched", "--wait");
    await watch.prints(/"to":"online"/);
    watch.signalGroup("SIGINT");
    return whatIsNoObject((await watch.ended).stdout);
  },
};
/** Asked in test/e2e/authentication.test.ts and test/chaos/reshard-crash.test.ts. */
const ELSEWHERE: readonly string[] = ["auth key", "auth revoke", "reshard"];

const whatIsNoObject = (stdout: string): string | undefined =>
  stdout
    .trimEnd()
    .split("\n")
    .find((line) => !isObject(line));

test("every command prints one line of JSON and nothing else", async () => {
  const shown = SECTIONS.filter(({ examples }) => examples.length > 0);
  const all = [...shown.map(({ command }) => command), ...Object.keys(BESIDE), ...ELSEWHERE];
  expect(all.sort()).toEqual((await allCommands()).sort());
  const known: Record<string, string> = {};
  const wrong: string[] = [];
  const note = (command: string, fault: string | undefined): void =>
    void (fault === undefined || wrong.push(`jm ${command}: ${fault}`));
  let isDeleting = false;
  for (const { command, words } of shown.flatMap(({ examples }) => examples)) {
    // While there is something that it can be done with.
    if (!isDeleting && command === "jet delete")
      for (const [name, run] of Object.entries(BESIDE)) note(name, await run());
    isDeleting ||= command === "jet delete";
    if (command === "template delete") await jm("jet", "delete", "watched");
    const ended = await jm(...withKnown(words, known));
    noteId(ended.stdout, known);
    note(words.join(" "), faultOf(ended));
  }
  expect(wrong).toEqual([]);
}, 120_000);

test("one that fails prints its error as one line on the other stream", async () => {
  const { exitCode, stdout, stderr } = await jm("jet", "get", "nobody");
  expect({ exitCode, stdout, lines: stderr.trimEnd().split("\n").length }).toEqual({
    exitCode: 1,
    stdout: "",
    lines: 1,
  });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "unknown_jet" } });
});
