import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../support/repository.ts";
import { markedFolder, runJm } from "./running-commands.ts";

/**
 * Every command is in docs/cli.md with an example that is run here, in the order of the page, against one mesh; or names the
 * test that runs it, where it takes a broker or a mesh of its own.
 */
const PAGE = readFileSync(join(ROOT, "docs/cli.md"), "utf8");
const folder = markedFolder();
let mesh: TestMesh;

interface Example {
  readonly command: string;
  readonly words: readonly string[];
  readonly prints: readonly string[];
}
interface Section {
  readonly command: string;
  readonly examples: readonly Example[];
  readonly elsewhere: string | undefined;
}

/** Words as a shell makes them of a line: quotes keep spaces. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");

const SECTIONS: readonly Section[] = PAGE.split(/^### /m)
  .slice(1)
  .map((section) => {
    const [, command = ""] = /^`jm ([a-z -]+)`/.exec(section) ?? [];
    const [, elsewhere] = /^Run by `([^`]+)`/m.exec(section) ?? [];
    const examples = [...section.matchAll(/```console\n([^]*?)```/g)].flatMap(([, block = ""]) =>
      block.split(/^\$ /m).flatMap((part) => {
        const [line = "", ...prints] = part.trimEnd().split("\n");
        return line === "" ? [] : [{ command, words: wordsOf(line).slice(1), prints }];
      }),
    );
    return { command, examples, elsewhere };
  });

interface CommandTree {
  readonly commands: readonly CommandTree[];
  name(): string;
}

/** All commands that do something; a program is started, not imported (D5), so it is loaded by its path. */
async function allCommands(): Promise<string[]> {
  const { createProgram } = (await import(join(ROOT, "packages/cli/src/program.ts"))) as {
    createProgram: (env: Readonly<Record<string, string>>) => CommandTree;
  };
  const below = (path: readonly string[], { commands }: CommandTree): string[] =>
    commands.length === 0 ? [path.join(" ")] : commands.flatMap((one) => below([...path, one.name()], one));
  // What only the scripts for shells type is no command of a person's.
  return below([], createProgram({})).filter((command) => command.split(" ")[0] !== "complete");
}

beforeAll(async () => {
  mesh = await startMesh();
  for (const program of ["greet", "order"])
    await mesh.startRunner(join(ROOT, `examples/kinds/${program}.ts`));
  const client = await mesh.client();
  client.connection.nc.publish(client.names.trigger.of("root", "site1", "greet"), "no json");
  await eventually("the dead letter", async () => {
    const { items } = await client.request<{ items: unknown[] }>("dead.list");
    return items.length > 0 ? true : undefined;
  });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  await folder[Symbol.asyncDispose]();
});

test("every command is in the page, with an example or the test that runs it, and no other", async () => {
  expect(SECTIONS.map(({ command }) => command).sort()).toEqual((await allCommands()).sort());
  for (const { command, examples, elsewhere } of SECTIONS) {
    if (elsewhere === undefined) expect(examples.length, `jm ${command} has no example`).toBeGreaterThan(0);
    else expect(readFileSync(join(ROOT, elsewhere), "utf8"), elsewhere).toContain(command.split(" ").at(-1));
  }
}, 60_000);

test("each example prints what the page says", async () => {
  const known: Record<string, string> = {};
  const wrong: string[] = [];
  for (const { words, prints } of SECTIONS.flatMap(({ examples }) => examples)) {
    const given = words.map((word) => word.replace(/\$(\w+)/g, (_, name: string) => known[name] ?? ""));
    const { stdout, stderr } = await runJm(given, { env: { NATS_URL: mesh.server.url } });
    const printed = `${stdout}${stderr}`;
    const [, id] = /\b([0-9a-f]{26})\b/.exec(printed) ?? [];
    if (id !== undefined) known["ID"] = id;
    const lines = printed.trimEnd().split("\n");
    const shown = prints.filter((line) => line !== "…");
    const missing = shown.filter((line) => !lines.some((one) => isShownBy(line, one)));
    if (missing.length > 0)
      wrong.push(`$ jm ${words.join(" ")}\nhas not\n${missing.join("\n")}\nbut\n${printed}`);
  }
  expect(wrong.join("\n")).toBe("");
}, 120_000);

/** `…` is anything, and so are spaces between words. */
function isShownBy(shown: string, line: string): boolean {
  const escaped = shown
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("…", ".*")
    .replace(/\s+/g, "\\s+");
  return new RegExp(`^${escaped}$`).test(line.trim());
}
