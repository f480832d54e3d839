import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT, SOURCE_FOLDERS } from "./repository.ts";

export type Planted = { readonly rule: string; readonly file: string; readonly imports: string };

const IN_GATEWAY = "services/gateway/src";

/** One file for each boundary rule, which breaks it. */
export const PLANTED: readonly Planted[] = [
  { rule: "d1-protocol", file: "protocol/src/planted.ts", imports: "node:fs" },
  { rule: "d2-lifecycle", file: "packages/lifecycle/src/planted.ts", imports: "node:os" },
  { rule: "d2-access", file: "packages/access/src/planted.ts", imports: "../../lifecycle/src/index.ts" },
  { rule: "d2-flight-plan", file: "packages/flight-plan/src/planted.ts", imports: "node:os" },
  { rule: "d3-storage", file: "packages/storage/src/planted.ts", imports: "yaml" },
  { rule: "d3-nats-only-in-storage", file: "packages/testkit/src/planted.ts", imports: "@nats-io/nats-core" },
  { rule: "d4-service-kit", file: "packages/service-kit/src/planted.ts", imports: "yaml" },
  { rule: "d4-runner", file: "packages/runner/src/planted.ts", imports: "yaml" },
  { rule: "d4-sdk", file: "packages/sdk/src/planted.ts", imports: "../../storage/src/index.ts" },
  { rule: "d4-client", file: "packages/client/src/planted.ts", imports: "yaml" },
  {
    rule: "d5-programs-are-not-imported",
    file: `${IN_GATEWAY}/planted-d5.ts`,
    imports: "../../authz/src/planted-target.ts",
  },
  { rule: "d6-testkit-only-in-tests", file: `${IN_GATEWAY}/planted-d6.ts`, imports: "@jetmesh/testkit" },
  {
    rule: "d6-sources-not-tests",
    file: `${IN_GATEWAY}/planted-d6-test.ts`,
    imports: "../test/planted-target.ts",
  },
  { rule: "d6-checker-on-its-own", file: "test/chaos/checker/planted.ts", imports: "@jetmesh/protocol" },
  { rule: "d6-model-on-its-own", file: "test/prove/access/model/planted.ts", imports: "@jetmesh/access" },
  { rule: "d7-no-cycles", file: `${IN_GATEWAY}/planted-cycle-back.ts`, imports: "./planted-cycle.ts" },
  {
    rule: "d7-no-deep-imports",
    file: `${IN_GATEWAY}/planted-deep.ts`,
    imports: "../../../packages/storage/src/planted-target.ts",
  },
  { rule: "d7-declared-dependencies", file: `${IN_GATEWAY}/planted-undeclared.ts`, imports: "yaml" },
  { rule: "d7-resolvable", file: `${IN_GATEWAY}/planted-missing.ts`, imports: "./not-there.ts" },
  { rule: "d8-named-by-responsibility", file: `${IN_GATEWAY}/planted-d8.ts`, imports: "./utils/strings.ts" },
];

/** What the planted imports lead to; the entries of packages only where they are not there. */
const TARGETS: Readonly<Record<string, string>> = {
  "services/authz/src/planted-target.ts": "export {};\n",
  "services/gateway/test/planted-target.ts": "export {};\n",
  "packages/storage/src/planted-target.ts": "export {};\n",
  "services/gateway/src/utils/strings.ts": "export {};\n",
  "services/gateway/src/planted-cycle.ts": 'import "./planted-cycle-back.ts";\n',
  "packages/lifecycle/src/index.ts": "export {};\n",
  "packages/testkit/src/index.ts": "export {};\n",
};

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A copy of the checkout's sources with every violation in it. The installed packages are linked, not copied. */
export async function plantedCopy(): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), "jetmesh-boundaries-"));
  for (const name of [...SOURCE_FOLDERS, "package.json", "tsconfig.json", ".dependency-cruiser.cjs"]) {
    const source = join(ROOT, name);
    // Links between packages are relative: kept as they are, they lead to the copy. What the benchmark installed for
    // itself is not looked at, and large.
    const filter = (from: string): boolean => !from.endsWith("/bench/peers/node_modules");
    const options = { recursive: true, verbatimSymlinks: true, filter };
    if (existsSync(source)) await cp(source, join(root, name), options);
  }
  await symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  for (const [file, text] of Object.entries(TARGETS)) {
    if (!existsSync(join(root, file))) write(join(root, file), text);
  }
  for (const { file, imports } of PLANTED) {
    // A type-only import is a dependency too, and disappears first from a checker that sees JavaScript alone.
    const isTypeOnly = imports === "node:os";
    write(
      join(root, file),
      isTypeOnly ? `import type { CpuInfo } from "${imports}";\n` : `import "${imports}";\n`,
    );
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}
