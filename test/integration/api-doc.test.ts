import { readFileSync } from "node:fs";
import { join } from "node:path";
import { API_REQUESTS, type CreatedAction, type Endpoint } from "@jetmesh/protocol";
import { seal } from "@jetmesh/storage";
import { eventually, startMesh } from "@jetmesh/testkit";
import { connect, type NatsConnection } from "nats";
import { expect, test } from "vitest";
import { makeAskingJet } from "../support/asking-jet.ts";
import { natsCommand } from "../support/nats-command.ts";

/**
 * Every endpoint is in docs/api.md with a request and what it answers, and answers that; and every subject, stream and
 * bucket of docs/subjects.md with a command, or among those that are only between services.
 */
const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

interface Example {
  /** What its heading names: an endpoint, or subjects, streams and buckets. */
  readonly names: readonly string[];
  readonly request: Record<string, unknown> | undefined;
  /** Lines for the `nats` command; the last one shows the answer. */
  readonly commands: readonly string[];
  readonly answer: unknown;
}

const blocks = (section: string, language: string): string[] =>
  [...section.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\\n\`\`\``, "g"))].map(([, text = ""]) => text);
const inCode = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);

const SECTIONS = read("docs/api.md").split(/^### /m).slice(1);
const EXAMPLES: readonly Example[] = SECTIONS.filter((section) => section.startsWith("`")).map((section) => {
  const commands = blocks(section, "sh").flatMap((block) => block.split("\n"));
  const json = blocks(section, "json").map((block): unknown => JSON.parse(block));
  const [request] = commands.length === 0 ? (json as [Record<string, unknown>]) : [];
  const names = inCode(section.split("\n")[0] ?? "");
  return { names, request, commands, answer: json.at(-1) };
});
const ENDPOINTS = EXAMPLES.filter(({ commands }) => commands.length === 0);
const COMMANDED = EXAMPLES.filter(({ commands }) => commands.length > 0);

/** The first column of a table of docs/subjects.md. */
function listed(heading: string): string[][] {
  const [, below = ""] = read("docs/subjects.md").split(`\n## ${heading}\n`);
  const rows = (below.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .map((cell) => cell.replaceAll("`", "").trim())
      .slice(1, -1),
  );
}

/** Whether a value has all that an example shows of it. */
function shows(actual: unknown, shown: unknown, path = ""): string[] {
  if (shown === "…") return actual === undefined ? [`${path} is not there`] : [];
  if (typeof shown !== "object" || shown === null)
    return actual === shown ? [] : [`${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(shown)}`];
  if (typeof actual !== "object" || actual === null) return [`${path} is ${JSON.stringify(actual)}`];
  return Object.entries(shown).flatMap(([key, value]) =>
    shows((actual as Record<string, unknown>)[key], value, `${path}.${key}`),
  );
}

test("every endpoint is in the page, and nothing else", () => {
  expect(ENDPOINTS.flatMap(({ names }) => names).sort()).toEqual(Object.keys(API_REQUESTS).sort());
});

test("every subject, stream and bucket is in the page with a command, or told to be only between services", () => {
  const anybodys = listed("Between services").filter((row) => row.some((cell) => cell.startsWith("anybody")));
  const there = [...listed("Subjects"), ...anybodys, ...listed("Streams"), ...listed("Buckets")];
  const services = SECTIONS.find((section) => section.startsWith("Between services only")) ?? "";
  const inside = [...(services.split("\n## ")[0]?.matchAll(/^\| `([^`]+)`/gm) ?? [])].map(
    ([, name = ""]) => name,
  );
  const shown = COMMANDED.flatMap(({ names }) => names);
  expect([...shown, ...inside].sort()).toEqual(there.map(([name = ""]) => name).sort());
});

test.each(COMMANDED)("the commands of $names use what they are to show", ({ names, commands }) => {
  for (const name of names) {
    const pattern = name.split(/<[^>]+>/).map((part) => part.replaceAll(/[.$]/g, "\\$&"));
    expect(commands.join("\n")).toMatch(
      new RegExp(`(?<=[ ])${pattern.join("[a-zA-Z0-9_.$-]+")}(?= |$)`, "m"),
    );
  }
});

/** What comes of commands one after another: what they set going has its effect a moment later. */
async function commanded(
  nc: NatsConnection,
  commands: readonly string[],
  answer: unknown,
  known: Readonly<Record<string, string>>,
): Promise<string[]> {
  const lines = commands.map((line) => line.replaceAll(/\$\w+/g, (name) => known[name] ?? name));
  for (const line of lines.slice(0, -1)) await natsCommand(nc, line);
  let faults: string[] = [];
  await eventually(
    lines.at(-1) ?? "",
    async () => {
      const given = await natsCommand(nc, lines.at(-1) ?? "");
      faults = shows(given, answer).map((fault) => `${fault}: ${JSON.stringify(given)}`);
      return faults.length === 0 ? true : undefined;
    },
    { withinMs: 5_000 },
  ).catch((error: unknown) => void (faults.length === 0 && faults.push(`: ${String(error)}`)));
  return faults;
}

test("each example is taken, and answered as it says", async () => {
  await using mesh = await startMesh();
  const client = await mesh.client();
  const nc = await connect({ servers: mesh.server.url });
  await mesh.startRunner(join(ROOT, "examples/kinds/greet.ts"));
  const sleeping = await client.request<CreatedAction>("action.create", {
    kind: "greet",
    argument: { name: "later" },
    notBefore: new Date(Date.now() + 3_600_000).toISOString(),
  });
  await mesh.startRunner(join(ROOT, "examples/kinds/order.ts"));
  const undoable = await client.request<CreatedAction>("action.create", {
    ...{ kind: "reserve", argument: { item: "bike" }, wait: true },
  });
  await makeAskingJet(client);
  const asking = await client.request<CreatedAction>("jet.trigger", { jet: "zask1", action: "turn" });
  await eventually("the question", async () => {
    const { state } = await client.request<{ state: string }>("action.get", { id: asking.actionId });
    return state === "IN_PROGRESS" ? true : undefined;
  });
  client.connection.nc.publish(client.names.trigger.of("root", "box1", "greet"), "no json");
  await eventually("the dead letter", async () => {
    const { items } = await client.request<{ items: unknown[] }>("dead.list");
    return items.length > 0 ? true : undefined;
  });
  const { publicKey } = await client.call("secret.key", {});
  const box = seal('{"v":1,"scope":"jet.box1","name":"word","value":"open sesame"}', publicKey);
  const known: Record<string, string> = {
    $sleeping: sleeping.actionId,
    $undoable: undoable.actionId,
    $asking: asking.actionId,
    $sealKey: box.key,
    $sealFrom: box.from,
    $sealed: box.sealed,
  };
  const wrong: string[] = [];
  for (const { names, request = {}, commands, answer } of EXAMPLES) {
    const [endpoint = ""] = names;
    if (commands.length > 0) {
      wrong.push(...(await commanded(nc, commands, answer, known)).map((fault) => `${endpoint}${fault}`));
      continue;
    }
    const body = Object.fromEntries(
      Object.entries(request).map(([key, value]) => [
        key,
        typeof value === "string" && value.startsWith("$") ? known[value] : value,
      ]),
    );
    const given = await client.request(endpoint as Endpoint, body).catch((error: unknown) => error);
    if (endpoint === "jet.trigger") known["$triggered"] = (given as CreatedAction).actionId;
    wrong.push(...shows(given, answer).map((fault) => `${endpoint}${fault}: ${JSON.stringify(given)}`));
    if (endpoint !== "action.list") continue;
    // Closed a moment after its end is told.
    await eventually("the triggered action to be closed", async () => {
      const { state } = await client.request<{ state: string }>("action.get", { id: known["$triggered"] });
      return state === "CLOSED" ? true : undefined;
    });
  }
  await nc.close();
  expect(wrong).toEqual([]);
}, 60_000);
