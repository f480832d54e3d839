import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportDocuments, type MeshClient } from "@jetmesh/client";
import { DOCUMENT_KINDS, type ExportReply } from "@jetmesh/protocol";
import { applyDocuments, type Document, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../support/repository.ts";
import { runScript } from "../support/run-script.ts";

/** A mesh with something of everything, and an empty one beside it on the same server. */
const WITHOUT_RUNNERS = { "lifecycle-ticker": 0, "flight-plan-runner": 0 };
let full: TestMesh;
let empty: TestMesh;
let from: MeshClient;
let to: MeshClient;

const of = (kind: string, rest: Document): Document => ({ apiVersion: "jetmesh/v1", kind, ...rest });
const RICH: readonly Document[] = [
  ...["resting", "moving", "broken"].map((reference) => of("State", { reference })),
  of("State", {
    name: " Ärger & Größe – läuft? ",
    sequence: 70,
    color: "purple",
    accessLevel: "root",
    note: "first line\n  second: [not yaml]\n\n# no comment\n---\n",
  }),
  of("User", { reference: "ann", name: "Ann Ünïcode 🚀", level: "user" }),
  of("User", { reference: "max", name: "yes", level: "manager", publicKey: `U${"A".repeat(55)}` }),
  of("Variables", { name: "Netz", variables: { region: "eu", list: [1, "01"], empty: {} }, note: "note" }),
  of("Template", {
    reference: "database",
    accessLevel: "user",
    actions: [
      { name: "Make it", transit: "moving", to: "resting" },
      { name: "Drop it", from: "resting", transit: "moving" },
    ],
  }),
  of("Template", {
    name: "Web Server 2",
    accessLevel: "root",
    users: ["ann", "nobody"],
    managers: ["max"],
    limit: 7,
    onBusy: "queue",
    pool: "gpu",
    variables: {
      port: 8080,
      text: "null",
      nested: { list: [1, "01", null, true, { a: "0x1f" }], empty: {} },
    },
    requires: [{ template: "database", state: "resting", actions: ["go"], otherwise: "bring" }],
    note: "ends with blanks   \n\n\n",
    actions: [
      { name: "Create", priority: 0, transit: "moving", to: "resting" },
      {
        reference: "go",
        name: "Los geht’s",
        priority: 3,
        accessLevel: "user",
        from: "resting",
        transit: "moving",
        to: "rger__gre__luft",
        error: "broken",
        plan: "all_of_it",
        pool: "cpu",
        limits: ["a_few"],
        delays: { start: "1m", main: "90s", progress: "2h", deadline: "1d", frequency: "250ms" },
        repeat: { error: 2, success: 1, backoff: "1.5s" },
        note: "“quoted” 'and' \"so\"",
      },
      { reference: "destroy", from: "broken", transit: "moving" },
    ],
  }),
  of("Limit", {
    name: "A few",
    concurrency: 3,
    rate: { count: 10, every: "1.5m" },
    per: "{{ host }} \u2028",
    pools: ["gpu"],
    note: "note",
  }),
  of("Plan", {
    name: "All of it",
    accessLevel: "user",
    timeout: "1h",
    pool: "cpu",
    limits: ["a_few"],
    concurrency: 2,
    variables: { _a: "~", b: "\t\u0000 \u2028" },
    note: "note",
    steps: [
      { wait: "250ms" },
      {
        reference: "launch",
        name: "Launch it",
        shell: ["node", "server.mjs", "--port", "{{ port }}", ""],
        cwd: "/srv",
        env: { MODE: "production", EMPTY: "" },
        timeout: "30s",
        idempotent: true,
        retry: { attempts: 3, backoff: "2s", factor: 1.5, max: "5m", jitter: false },
      },
      { shell: "echo one\necho two\n" },
      {
        http: {
          url: "http://127.0.0.1/",
          method: "POST",
          headers: { "X-A": "b: c" },
          body: "{}",
          expect: [200, 204],
        },
        retry: { attempts: 2 },
      },
    ],
  }),
  of("Jet", { reference: "db1", template: "database" }),
  of("Jet", {
    name: "Web Eins",
    template: "web_server_2",
    users: ["ann"],
    managers: ["max"],
    pool: "gpu",
    variables: { port: 8081 },
  }),
  of("Schedule", {
    name: "By night",
    accessLevel: "user",
    cron: "0 3 29 2 *",
    timeZone: "Europe/Berlin",
    trigger: { jet: "web_eins", action: "go", argument: { why: "“night”\n" }, onBusy: "queue" },
    overlap: "queue",
    catchUp: "none",
    catchUpWindow: "5m",
    paused: true,
    note: "note",
  }),
  of("Schedule", { reference: "often", every: "366d", create: { kind: "report", pool: "cpu" } }),
];

beforeAll(async () => {
  full = await startMesh();
  empty = await startMesh({
    broker: { url: full.url, stop: () => Promise.resolve() },
    env: { JM_PREFIX: "other" },
    services: WITHOUT_RUNNERS,
  });
  from = await full.client();
  to = await empty.client();
  await applyDocuments(from, RICH);
  // One that has a state, and one that is gone.
  await from.request("jet.create", { template: "database", reference: "db2", name: "Zwei", wait: true });
  await from.request("jet.create", { template: "database", reference: "gone", wait: true });
  await from.request("jet.trigger", { jet: "gone", action: "drop_it", wait: true });
}, 60_000);
afterAll(async () => {
  await empty.stop();
  await full.stop();
});

const jm = async (mesh: TestMesh, ...args: string[]): Promise<string> => {
  const { code, lines, problem } = await runScript(join(ROOT, "packages/cli/src/main.ts"), [
    "--url",
    mesh.url,
    ...args,
  ]);
  // What the lint warns of is no problem of the text.
  expect(problem.replaceAll(/^warning: .*\n/gm, "")).toBe("");
  expect(code).toBe(0);
  return lines.join("\n");
};

test("what is exported and applied on an empty mesh is exported again word for word", async () => {
  const documents = await exportDocuments(from);
  expect(documents.map(({ kind }) => kind)).toEqual(
    documents
      .map(({ kind }) => kind)
      .toSorted((a, b) => DOCUMENT_KINDS.indexOf(a) - DOCUMENT_KINDS.indexOf(b)),
  );
  expect(new Set(documents.map(({ kind }) => kind))).toEqual(new Set(DOCUMENT_KINDS));
  expect(documents.filter(({ kind }) => kind === "Jet").map(({ reference }) => reference)).toEqual([
    "db1",
    "db2",
    "web_eins",
  ]);
  expect(await exportDocuments(to)).toEqual([]);
  await applyDocuments(to, documents);
  expect(JSON.stringify(await exportDocuments(to))).toBe(JSON.stringify(documents));
  // Applied where it came from it changes nothing.
  const again = await from.request<{ items: { change: string }[] }>("import", {
    documents: documents.map((document) => ({ document })),
  });
  expect(new Set(again.items.map(({ change }) => change))).toEqual(new Set(["unchanged"]));
});

test("a page at a time it is the same", async () => {
  const found: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page: ExportReply = await from.request<ExportReply>("export", {
      limit: 2,
      ...(cursor === undefined ? {} : { cursor }),
    });
    expect(page.items.length).toBeLessThanOrEqual(2);
    found.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  const key = (one: unknown): string => JSON.stringify(one);
  expect(found.map(key).toSorted()).toEqual((await exportDocuments(from)).map(key).toSorted());
  for (const wrong of ["", "Jets:1", "Jet:x", "Template"])
    await expect(from.request("export", { cursor: wrong, kinds: ["Jet"] })).rejects.toMatchObject({
      code: "invalid_request",
    });
});

test("what has its default is left out, and a jet has no state in it", async () => {
  const [document] = await exportDocuments(from, { kinds: ["Jet"] });
  expect(document).toEqual(
    of("Jet", { reference: "db1", name: "db1", template: "database", managers: ["root"] }),
  );
  const states = await exportDocuments(from, { kinds: ["State"] });
  expect(states).toContainEqual(of("State", { reference: "resting", name: "resting" }));
});

test.each([
  ["state", "State"],
  ["plan", "Plan"],
  ["user", "User"],
  ["template", "Template"],
] as const)(
  "a list of definitions goes on behind its cursor, by the API and by `jm %s list`",
  async (word, kind) => {
    const whole = (await exportDocuments(from, { kinds: [kind] })).map(({ reference }) => reference).sort();
    const paged: string[] = [];
    for await (const one of from.pages(`${word}.list`, { limit: 1 })) paged.push(one.reference);
    expect(paged.toSorted()).toEqual(whole);
    const printed: string[] = [];
    let rest: readonly string[] = [];
    do {
      const text = await jm(full, word, "list", "--limit", "1", "--json", ...rest);
      const page = JSON.parse(text) as { items: { reference: string }[]; cursor?: string };
      printed.push(...page.items.map(({ reference }) => reference));
      rest = page.cursor === undefined ? [] : ["--cursor", page.cursor];
    } while (rest.length > 0);
    expect(printed.toSorted()).toEqual(whole);
  },
);

test("the text that `jm export` prints is what `jm apply` takes, and the same each time", async () => {
  const file = join(tmpdir(), `jm-export-${String(process.pid)}.yaml`);
  const text = await jm(full, "export");
  expect(await jm(full, "export")).toBe(text);
  await jm(full, "export", "--out", file);
  expect(readFileSync(file, "utf8").trimEnd()).toBe(text);
  // Nothing to change on the mesh that it came from: every word came back as it was.
  expect(await jm(full, "apply", "-f", file)).not.toMatch(/created|updated/);
  rmSync(file);
});

test("somebody else is given what they may read", async () => {
  const ann = await full.client("ann");
  const documents = await exportDocuments(ann);
  expect(documents.map(({ kind, reference }) => `${kind} ${reference}`)).toEqual([
    "State broken",
    "State moving",
    "State resting",
    "State rger__gre__luft",
    "User ann",
    "Limit a_few",
    "Template database",
    "Template web_server_2",
    "Jet web_eins",
    "Schedule by_night",
  ]);
  expect(JSON.stringify(documents)).not.toMatch(/max|all_of_it/);
  expect(await exportDocuments(await full.client("stranger"))).toEqual([]);
});
