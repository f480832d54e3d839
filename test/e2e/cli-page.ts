import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { makeAskingJet } from "../support/asking-jet.ts";
import { ROOT } from "../support/repository.ts";

/** What docs/cli.md shows of a command. */
export interface CommandSection {
  readonly command: string;
  readonly examples: readonly CommandExample[];
  /** The test that runs it, where it takes a broker or a mesh of its own. */
  readonly elsewhere: string | undefined;
}

export interface CommandExample {
  readonly command: string;
  readonly words: readonly string[];
  readonly prints: readonly string[];
}

/** Words as a shell makes them of a line: quotes keep spaces. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");

export const SECTIONS: readonly CommandSection[] = readFileSync(join(ROOT, "docs/cli.md"), "utf8")
  .split(/^### /m)
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
export async function allCommands(): Promise<string[]> {
  const { createProgram } = (await import(join(ROOT, "packages/cli/src/program.ts"))) as {
    createProgram: (env: Readonly<Record<string, string>>) => CommandTree;
  };
  const below = (path: readonly string[], { commands }: CommandTree): string[] =>
    commands.length === 0 ? [path.join(" ")] : commands.flatMap((one) => below([...path, one.name()], one));
  // What only the scripts for shells type is no command of a person's.
  return below([], createProgram({})).filter((command) => command.split(" ")[0] !== "complete");
}

/** The mesh that the page speaks of: with a runner of the example's kind, and a dead letter. */
export async function startPageMesh(): Promise<TestMesh> {
  const mesh = await startMesh();
  for (const program of ["greet", "order"])
    await mesh.startRunner(join(ROOT, `examples/kinds/${program}.ts`));
  const client = await mesh.client();
  await makeAskingJet(client);
  client.connection.nc.publish(client.names.trigger.of("root", "site1", "greet"), "no json");
  await eventually("the dead letter", async () => {
    const { items } = await client.request<{ items: unknown[] }>("dead.list");
    return items.length > 0 ? true : undefined;
  });
  return mesh;
}

/** Puts in what was printed before: `$ID` is the last id of an action. */
export function withKnown(words: readonly string[], known: Readonly<Record<string, string>>): string[] {
  return words.map((word) => word.replace(/\$(\w+)/g, (_, name: string) => known[name] ?? ""));
}

export function noteId(printed: string, known: Record<string, string>): void {
  const [, id] = /\b([0-9a-f]{26})\b/.exec(printed) ?? [];
  if (id !== undefined) known["ID"] = id;
}
