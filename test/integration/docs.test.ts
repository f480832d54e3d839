// What the documentation says in tables is what the code has, both ways: a row without a thing behind it is as wrong
// as a thing without a row. docs/lifecycles.md is held against the core by packages/lifecycle/test.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  ACTION_ERROR_CODES,
  ACTION_HEADERS,
  API_REQUESTS,
  createNames,
  DEAD_LETTER_CODES,
  ERROR_CODES,
  type Grants,
  grantsOf,
  JET_HEADERS,
  LOG_HEADERS,
  poolConsumerOf,
  SERVICE_NAMES,
  SUBJECT_TABLE,
  SVC_REQUESTS,
  topologyOf,
} from "@jetmesh/protocol";
import { BaseConfig } from "@jetmesh/service-kit";
import { describe, expect, it } from "vitest";
import { ROOT } from "../support/repository.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** The cells of the first table under a heading, without its head and without the marks of code. */
function tableUnder(path: string, heading: string): string[][] {
  const [, below] = `\n${read(path)}`.split(`\n## ${heading}\n`);
  if (below === undefined) throw new Error(`${path} has no heading '${heading}'`);
  const lines = (below.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

const names = createNames();
const topology = topologyOf(names, { replicas: 1 });
const sorted = (words: Iterable<string>): string[] => [...words].sort();

describe("docs/errors.md", () => {
  it("has every refusal with its status and meaning, and no other", () => {
    const written = tableUnder("docs/errors.md", "Refusals").map(([code, status, says]) => [
      code,
      Number(status),
      says,
    ]);
    expect(written).toEqual(
      Object.entries(ERROR_CODES).map(([code, { status, says }]) => [code, status, says]),
    );
  });

  it("has every code of an action's error with its meaning, and no other", () => {
    const written = tableUnder("docs/errors.md", "In an action's error").map(([code, says]) => [code, says]);
    expect(written).toEqual(Object.entries(ACTION_ERROR_CODES));
  });

  it("has every code of a dead letter that is no refusal's, and no other", () => {
    const written = tableUnder("docs/errors.md", "In a dead letter").map(([code, says]) => [code, says]);
    expect(written).toEqual(Object.entries(DEAD_LETTER_CODES));
  });
});

describe("docs/subjects.md", () => {
  const table = (heading: string): string[][] => tableUnder("docs/subjects.md", heading);

  it("has every subject with its stream and schema, and no other", () => {
    const written = table("Subjects").map(([subject, stream, schema]) => ({
      subject,
      stream: stream === "–" ? "-" : stream,
      schema,
    }));
    expect(written).toEqual([...SUBJECT_TABLE]);
  });

  it("has every subject between services, and no other", () => {
    const written = table("Between services").map(([subject]) => subject ?? "");
    const found = new Set(Object.keys(SVC_REQUESTS).map((verb) => `jm.svc.${verb}`));
    // Health is answered by what all services share, under the name of each.
    found.add("jm.svc.<service>.health");
    for (const source of serviceSources()) {
      for (const [, service = "", verb = ""] of source.matchAll(/svc\.of\(\s*"([a-z-]+)",\s*"([a-z-]+)"/g))
        found.add(`jm.svc.${service}.${verb}`);
      for (const [, service = "", verb = ""] of source.matchAll(
        /svc\.ofInstance\(\s*"([a-z-]+)",\s*\w+,\s*"([a-z-]+)"/g,
      ))
        found.add(`jm.svc.${service}.<${service === "runner" ? "id" : "instance"}>.${verb}`);
      for (const [, verb = ""] of source.matchAll(/svc\.ofPool\(\w+, "([a-z-]+)"\)/g))
        found.add(`jm.svc.pool.<pool>.${verb}`);
      // One of several, asked as any of them would be.
      if (source.includes("svc.ofInstance(service, instance, name)"))
        found.add("jm.svc.state-store.<instance>.<verb>");
    }
    expect(sorted(written)).toEqual(sorted(found));
  });

  it("has every stream with its limits, and no other", () => {
    const time = (ms: number): string => {
      if (ms === 0) return "–";
      const units = [
        [86_400_000, "d"],
        [60_000, "min"],
        [1, "ms"],
      ] as const;
      const [size, unit] = units.find(([each]) => ms % each === 0) ?? [1, "ms"];
      return `${String(ms / size)} ${unit}`;
    };
    const planned = topology.streams
      .filter(({ name }) => !name.startsWith("KV_"))
      .map((plan) => [
        plan.name,
        plan.subjects.join(" "),
        plan.retention,
        plan.discard === "new" ? "new refused" : "old dropped",
        time(plan.maxAgeMs),
        [
          ...(plan.maxMessages === -1 ? [] : [`${String(plan.maxMessages)} messages`]),
          `${String(plan.maxBytes / 1024 / 1024)} MB`,
        ].join(", "),
        plan.maxPerSubject === -1 ? "–" : String(plan.maxPerSubject),
        time(plan.duplicateWindowMs),
      ]);
    expect(table("Streams")).toEqual(planned);
  });

  it("has every bucket, and no other; and they are as its text says", () => {
    expect(sorted(table("Buckets").map(([bucket]) => bucket ?? ""))).toEqual(
      sorted(Object.values(names.buckets)),
    );
    for (const plan of topology.streams.filter(({ name }) => name.startsWith("KV_"))) {
      expect(plan).toMatchObject({ maxPerSubject: 1, allowDirect: false });
      const { definitions, jets, actions, steps } = names.buckets;
      const written = [definitions, jets, actions, steps];
      expect(plan.atomicBatch).toBe(written.map((bucket) => names.kvStream(bucket)).includes(plan.name));
      const [, , , , removed = ""] =
        table("Buckets").find(([name]) => names.kvStream(name ?? "") === plan.name) ?? [];
      const marker = { 0: "nobody yet", 60_000: "markers 1 min", 3_600_000: "markers 1 h" }[plan.markerTtlMs];
      expect(removed).toContain(marker);
    }
  });

  it("has every durable consumer with its limits, and no other", () => {
    const planned = [...topology.consumers, poolConsumerOf(names, "<pool>")].map((plan) => [
      plan.stream,
      plan.name,
      plan.filter.join(" "),
      `${String(plan.ackWaitMs / 1_000)} s`,
      String(plan.maxAckPending),
    ]);
    expect(table("Consumers").map((row) => row.slice(0, 5))).toEqual(planned);
  });

  it("has every header of ours, and no other", () => {
    const headers = [ACTION_HEADERS, JET_HEADERS, LOG_HEADERS].flatMap((group) => Object.values(group));
    expect(sorted(table("Headers").map(([header]) => header ?? ""))).toEqual(sorted(headers));
  });

  it("has every endpoint, and no other", () => {
    const written = table("Endpoints").flatMap(([endpoints = ""]) => endpoints.split(" "));
    expect(sorted(written)).toEqual(sorted(Object.keys(API_REQUESTS)));
  });
});

describe("docs/security.md", () => {
  const WORDS: Readonly<Record<keyof Grants, string>> = {
    writes: "write",
    asks: "ask and tell",
    listens: "be asked on",
    reads: "read",
    follows: "follow",
    takes: "take from",
    manages: "ask of the broker",
  };

  it("has all that each service may do, and no more", () => {
    const grants = grantsOf(names);
    const planned = SERVICE_NAMES.flatMap((service) =>
      (Object.keys(WORDS) as (keyof Grants)[])
        .map((what) => [
          service,
          WORDS[what],
          grants[service][what]
            .map((one) => (typeof one === "string" ? one : `${one.stream}/${one.consumer}`))
            .join(" "),
        ])
        .filter(([, , subjects]) => subjects !== ""),
    );
    expect(tableUnder("docs/security.md", "What each service may do")).toEqual(planned);
  });

  it("has every service that there is", () => {
    expect(sorted(SERVICE_NAMES)).toEqual(services());
  });
});

describe("docs/configuration.md", () => {
  const NONE = "–";
  const table = (heading: string): string[][] => tableUnder("docs/configuration.md", heading);

  interface Schema {
    readonly shape: Readonly<Record<string, unknown>>;
    parse(env: unknown): Readonly<Record<string, string | number | readonly string[] | undefined>>;
  }
  const rowsOf = (schema: Schema): [string, string][] => {
    const defaults = schema.parse({});
    return Object.keys(schema.shape).map((name) => [name, String(defaults[name] ?? NONE)]);
  };
  const written = (heading: string): [string, string][] =>
    table(heading).map(([variable = "", value = ""]) => [variable, value]);
  const byName = (a: readonly [string, string], b: readonly [string, string]): number =>
    a[0] < b[0] ? -1 : 1;

  it("has every variable that all services take, with its default, and no other", () => {
    expect(written("Every service").sort(byName)).toEqual(rowsOf(BaseConfig).sort(byName));
  });

  it.each(services())("has every variable that %s adds, with its default, and no other", async (service) => {
    const schema = await schemaOf(service);
    const own = rowsOf(schema).filter(([name]) => !Object.hasOwn(BaseConfig.shape, name));
    const rows = own.length === 0 ? [] : written(service);
    expect(rows.sort(byName)).toEqual(own.sort(byName));
    expect(read("docs/configuration.md")).toContain(`\n## ${service}\n`);
  });

  it("has every variable that the command line reads, and no other", () => {
    const found = new Set<string>();
    for (const source of sourcesBelow("packages/cli/src")) {
      for (const [, name = ""] of source.matchAll(/env\["([A-Z_]+)"\]/g)) found.add(name);
    }
    found.delete("PATH");
    expect(sorted(table("The command line").map(([name]) => name ?? ""))).toEqual(sorted(found));
  });

  /** Services are started, not imported (D5): their schema is loaded as the process itself would, by its path. */
  async function schemaOf(service: string): Promise<Schema> {
    const folder = service === "flight-plan-runner" ? "packages/runner" : join("services", service);
    const module = (await import(join(ROOT, folder, "src/config.ts"))) as Record<string, Schema>;
    const [schema] = Object.entries(module)
      .filter(([name]) => name.endsWith("Config"))
      .map(([, value]) => value);
    if (schema === undefined) throw new Error(`${service} has no schema of its configuration`);
    return schema;
  }
});

describe("every page", () => {
  const PAGES = ["README.md", "ARCHITECTURE.md", "AGENTS.md", "CHANGELOG.md", ...pagesBelow("docs")];

  it.each(PAGES)("%s links to what is there", (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, target = ""]) => target);
    const broken = targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)));
    expect(broken).toEqual([]);
  });

  it.each(PAGES)("%s names files that are there", (page) => {
    const paths = [
      ...read(page).matchAll(/`((?:protocol|packages|services|test|scripts|examples|docs)\/[\w./-]+)`/g),
    ]
      .map(([, path = ""]) => path)
      .filter((path) => !existsSync(join(ROOT, path)));
    expect(paths).toEqual([]);
  });

  it.each(PAGES)("%s runs scripts that are there", (page) => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/\bnpm run ([\w:]+)/g)].map(([, script = ""]) => script);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it("ARCHITECTURE.md stays short enough to be read", () => {
    expect(read("ARCHITECTURE.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });
});

describe("the decisions in docs/adr", () => {
  const files = readdirSync(join(ROOT, "docs/adr")).sort();

  it("are numbered from 0001 on without a gap", () => {
    expect(files.map((name) => Number(name.slice(0, 4)))).toEqual(files.map((_, index) => index + 1));
    for (const name of files) expect(name).toMatch(/^\d{4}-[a-z0-9-]+\.md$/);
  });

  it.each(files)("%s says when, what, what else and what follows", (name) => {
    const text = read(join("docs/adr", name));
    expect(text).toMatch(new RegExp(`^# ${name.slice(0, 4)} `));
    expect(text).toMatch(/^\| Date +\| \d{4}-\d{2}-\d{2} +\|\n\| Status +\| \w+/m);
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(["Context", "Decision", "Alternatives", "Consequences"]);
  });
});

function services(): string[] {
  return readdirSync(join(ROOT, "services")).sort();
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}

function serviceSources(): string[] {
  return [...services().map((service) => join("services", service)), "packages/runner"].flatMap((folder) =>
    sourcesBelow(join(folder, "src")),
  );
}

function pagesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}
