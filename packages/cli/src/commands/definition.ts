import { type Definition, type DefinitionKind, documentOf, type Endpoint } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference, wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { formatDocuments } from "../format-documents.ts";
import { LIMIT_COLUMNS, limitNotes } from "../limit-fields.ts";
import { listAll, noteMore } from "../pages.ts";
import { SCHEDULE_COLUMNS, scheduleNotes } from "../schedule-fields.ts";
import type { Environment } from "../settings.ts";

interface Kind {
  readonly kind: DefinitionKind;
  readonly word: "template" | "state" | "plan" | "user" | "schedule" | "variables" | "limit";
  readonly title: string;
  /** What the list shows beside reference and name. */
  readonly columns: readonly (readonly [title: string, of: (definition: Definition) => string])[];
  /** What is known of it beside what `apply` takes. */
  readonly notes?: (definition: Definition) => readonly string[];
}

const level = (one: Definition): string =>
  one.kind === "User" ? one.level : one.kind === "Variables" || one.kind === "Limit" ? "" : one.accessLevel;
const KINDS: readonly Kind[] = [
  {
    kind: "Template",
    word: "template",
    title: "see and delete templates",
    columns: [
      ["LEVEL", level],
      ["ACTIONS", (one) => (one.kind === "Template" ? String(one.actions.length) : "")],
      ["LIMIT", (one) => (one.kind === "Template" && one.limit > 0 ? String(one.limit) : "")],
    ],
  },
  {
    kind: "State",
    word: "state",
    title: "see and delete states",
    columns: [
      ["LEVEL", level],
      ["SEQUENCE", (one) => (one.kind === "State" ? String(one.sequence) : "")],
      ["COLOR", (one) => (one.kind === "State" ? one.color : "")],
    ],
  },
  {
    kind: "Plan",
    word: "plan",
    title: "see and delete flight plans",
    columns: [
      ["LEVEL", level],
      ["STEPS", (one) => (one.kind === "Plan" ? String(one.steps.length) : "")],
    ],
  },
  { kind: "User", word: "user", title: "see and delete users", columns: [["LEVEL", level]] },
  {
    kind: "Schedule",
    word: "schedule",
    title: "see, pause, run and delete schedules",
    columns: SCHEDULE_COLUMNS,
    notes: scheduleNotes,
  },
  {
    kind: "Variables",
    word: "variables",
    title: "see and delete the mesh's variables",
    columns: [["HAS", (one) => (one.kind === "Variables" ? Object.keys(one.variables).join(", ") : "")]],
  },
  {
    kind: "Limit",
    word: "limit",
    title: "see and delete limits, and what runs and waits under them",
    columns: LIMIT_COLUMNS,
    notes: limitNotes,
  },
];

const one = (word: Kind["word"]): string => (word === "variables" ? "a set of variables" : `a ${word}`);
const plural = (word: Kind["word"]): string => (word === "variables" ? "sets of variables" : `${word}s`);

/** `template|state|plan|user|schedule|variables|limit list|get|delete`; `apply` makes and changes them. */
export function addDefinitions(program: Command, env: Environment): void {
  for (const kind of KINDS) {
    const command = program.command(kind.word).description(kind.title);
    addList(command, env, kind);
    addGet(command, env, kind);
    addDelete(command, env, kind);
  }
}

function addList(parent: Command, env: Environment, { word, columns }: Kind): void {
  const endpoint: Endpoint = `${word}.list`;
  parent
    .command("list")
    .description(`list the ${plural(word)} that you may see`)
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000), 1_000)
    .option("--cursor <cursor>", "go on from where a list before ended")
    .action(async ({ limit, ...from }: { limit: number; cursor?: string }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const { timeoutMs } = settings;
        const { items, ...rest } = await listAll<Definition>(client, endpoint, from, { limit, timeoutMs });
        const sorted = { ...rest, items: items.toSorted((a, b) => (a.reference < b.reference ? -1 : 1)) };
        output.table(sorted, [word.toUpperCase(), "NAME", ...columns.map(([title]) => title)], (one) => [
          one.reference,
          one.name,
          ...columns.map(([, of]) => of(one)),
        ]);
        noteMore(output, sorted, limit);
      });
    });
}

function addGet(parent: Command, env: Environment, { word, notes }: Kind): void {
  const endpoint: Endpoint = `${word}.get`;
  parent
    .command("get")
    .description(`show ${one(word)}, as \`apply -f\` takes it`)
    .argument("<reference>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const found = await client.request<Definition>(endpoint, { reference: name }, settings.timeoutMs);
        output.result(found, () => [
          formatDocuments([documentOf(found)]).trimEnd(),
          ...(notes?.(found) ?? []).map((note) => `# ${note}`),
        ]);
      });
    });
}

function addDelete(parent: Command, env: Environment, { word }: Kind): void {
  const endpoint: Endpoint = `${word}.delete`;
  parent
    .command("delete")
    .description(`delete ${one(word)} that nothing uses`)
    .argument("<reference>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const reply = await client.request(endpoint, { reference: name }, settings.timeoutMs);
        output.result(reply, () => [`${word} ${name} is deleted`]);
      });
    });
}
