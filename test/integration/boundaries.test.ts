// The boundaries hold, and their checker sees: a blind checker reports "no violations" just as a clean tree does
// (dependency-cruiser does so under a TypeScript that it cannot load).
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ESLint } from "eslint";
import { describe, expect, it, vi } from "vitest";
import { PLANTED, plantedCopy } from "../support/planted-violations.ts";
import { cruise, ROOT, SOURCE_FOLDERS, workspacePackages } from "../support/repository.ts";

type Manifest = Partial<
  Record<"dependencies" | "devDependencies" | "peerDependencies", Record<string, string>>
>;

/** A workspace of its own, which only the benchmark installs. */
const PEERS = "test/bench/peers";

const require = createRequire(import.meta.url);

describe("the boundaries of this checkout", () => {
  it("are kept, and TypeScript files are what was looked at", async () => {
    const { modules, summary } = await cruise(ROOT);
    expect(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`)).toEqual([]);
    const seen = new Set(modules.map(({ source }) => source));
    const written = SOURCE_FOLDERS.flatMap(sourceNames).filter((file) => file.endsWith(".ts"));
    expect(written.length).toBeGreaterThan(20);
    expect(written.filter((file) => !seen.has(file))).toEqual([]);
  });

  it("have no folder or file that is named after nothing", () => {
    const nameless = SOURCE_FOLDERS.flatMap(sourceNames).filter((file) =>
      /(^|\/)(utils?|common|helpers?|managers?|types)(\.[^/]*)?$/.test(file),
    );
    expect(nameless).toEqual([]);
  });
});

describe("a violation planted in a copy", () => {
  it("is reported by the name of its rule, one for every rule", async () => {
    await using copy = await plantedCopy();
    const { violations } = (await cruise(copy.root)).summary;
    const found = new Set(violations.map(({ rule, from }) => `${rule.name}: ${from}`));
    for (const { rule, file } of PLANTED) expect(found).toContain(`${rule}: ${file}`);

    const config = require("../../.dependency-cruiser.cjs") as { forbidden: { name: string }[] };
    const rules = config.forbidden.map(({ name }) => name);
    expect(PLANTED.map(({ rule }) => rule).sort()).toEqual(rules.sort());
  });
});

describe("the lint of the pure core", () => {
  const IMPURE = {
    "the clock": "export const at = Date.now();",
    "a new Date of now": "export const at = new Date();",
    chance: "export const draw = Math.random();",
    "the process": "export const id = process.pid;",
    "an await": "export const get = async (): Promise<number> => await Promise.resolve(1);",
    "a core module": 'import { cpus } from "node:os";\nexport const count = cpus().length;',
    "a match that is not exhaustive":
      'import { match } from "ts-pattern";\nexport const one = (n: number): number => match(n).otherwise(() => 1);',
  };

  it("refuses the clock, chance, I/O, the process and a catch-all arm", async () => {
    // With CI=true the parser takes files from the disk whatever text it is given (a single run, it infers).
    vi.stubEnv("TSESTREE_SINGLE_RUN", "false");
    const eslint = new ESLint({ cwd: ROOT });
    const refused = /^no-restricted-(syntax|globals|imports)$/;
    for (const [what, code] of Object.entries(IMPURE)) {
      // Typed rules know the files of the project alone: the text is judged in the place of an existing one.
      const results = await eslint.lintText(`${code}\n`, { filePath: "packages/lifecycle/src/index.ts" });
      const rules = results.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId ?? "unparsed"));
      expect(
        rules.filter((rule) => refused.test(rule)),
        what,
      ).not.toEqual([]);
    }
  });
});

describe("the versions of dependencies", () => {
  it("stand in the catalog alone", () => {
    const byHand = workspacePackages().flatMap((folder) => {
      const manifest = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Manifest;
      const all = [manifest.dependencies, manifest.devDependencies, manifest.peerDependencies];
      return all
        .flatMap((group) => Object.entries(group ?? {}))
        .filter(([, version]) => version !== "catalog:" && version !== "workspace:*")
        .map(([name, version]) => `${folder}: ${name} ${version}`);
    });
    expect(byHand).toEqual([]);
  });

  it("are exact for what the benchmark alone installs, and none of it is the project's", () => {
    const read = (folder: string): Manifest =>
      JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Manifest;
    const peers = Object.entries(read(PEERS).dependencies ?? {});
    expect(peers.length).toBeGreaterThan(5);
    expect(peers.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const lock = readFileSync(join(ROOT, "pnpm-lock.yaml"), "utf8");
    expect(peers.filter(([name]) => lock.includes(`\n  '${name}@`) || lock.includes(`\n  ${name}@`))).toEqual(
      [],
    );
  });

  it.each(["", PEERS])("are locked without the name of the host they came from: ./%s", (folder) => {
    expect(readFileSync(join(ROOT, folder, "pnpm-lock.yaml"), "utf8")).not.toMatch(/https?:\/\/|tarball:/);
  });
});

function sourceNames(folder: string): string[] {
  const skipped = new Set(["node_modules", ".cache"]);
  const walk = (path: string): string[] =>
    readdirSync(join(ROOT, path), { withFileTypes: true })
      .filter(({ name }) => !skipped.has(name))
      .flatMap((entry) => {
        const below = `${path}/${entry.name}`;
        return entry.isDirectory() ? [below, ...walk(below)] : [below];
      });
  try {
    return walk(folder);
  } catch (error) {
    // A folder that is not there yet has no names.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
