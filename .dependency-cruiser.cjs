// Who may import whom (D1 to D8). test/integration/boundaries.test.ts plants a violation of each rule and expects it
// to be reported by name: a checker that has gone blind finds nothing and looks content.

const NPM = "(?:^|/)node_modules/";

/** The files of `folder` import from their own folder and from the allowed list; all else is forbidden. */
function only(name, folder, allowed, { core = false } = {}) {
  const to = { pathNot: [`^${folder}/src/`, ...allowed] };
  if (core) to.dependencyTypesNot = ["core"];
  return { name, severity: "error", from: { path: `^${folder}/src/` }, to };
}

const packageEntry = (...names) => names.map((name) => `^${name}/src/index\\.ts$`);
const npm = (...names) => names.map((name) => `${NPM}${name}/`);

module.exports = {
  forbidden: [
    only("d1-protocol", "protocol", npm("zod", "croner")),
    only("d2-lifecycle", "packages/lifecycle", [...packageEntry("protocol"), ...npm("ts-pattern")]),
    only("d2-flight-plan", "packages/flight-plan", [
      ...packageEntry("protocol", "packages/lifecycle"),
      ...npm("@marcbachmann/cel-js", "liquidjs"),
    ]),
    only("d2-access", "packages/access", [...packageEntry("protocol"), ...npm("ts-pattern")]),
    only("d3-storage", "packages/storage", [...packageEntry("protocol"), ...npm("@nats-io")], { core: true }),
    {
      name: "d3-nats-only-in-storage",
      comment: "the client library has one importer; the tests play the outside program",
      severity: "error",
      from: { path: "^(?:protocol|packages|services|examples|scripts)/", pathNot: "^packages/storage/" },
      // Undeclared it does not resolve, and keeps its bare name.
      to: { path: [`${NPM}@nats-io/`, `${NPM}nats/`, "^@nats-io/", "^nats$"] },
    },
    only(
      "d4-service-kit",
      "packages/service-kit",
      [...packageEntry("protocol", "packages/storage"), ...npm("pino", "zod")],
      { core: true },
    ),
    only(
      "d4-runner",
      "packages/runner",
      [
        ...packageEntry("protocol", "packages/lifecycle", "packages/service-kit", "packages/storage"),
        ...npm("zod"),
      ],
      { core: true },
    ),
    only(
      "d4-sdk",
      "packages/sdk",
      [
        ...packageEntry("protocol", "packages/lifecycle", "packages/runner", "packages/service-kit"),
        ...npm("zod"),
      ],
      { core: true },
    ),
    only("d4-client", "packages/client", [...packageEntry("protocol", "packages/storage"), ...npm("zod")], {
      core: true,
    }),
    {
      name: "d5-programs-are-not-imported",
      comment: "services meet on subjects and records; they and the cli are started, not imported",
      severity: "error",
      from: { path: "^(protocol|packages/[^/]+|services/[^/]+|test|examples|scripts)/" },
      to: { path: "^(?:services|packages/cli)/", pathNot: "^$1/" },
    },
    {
      name: "d6-testkit-only-in-tests",
      severity: "error",
      from: { path: "^", pathNot: ["^packages/testkit/", "(?:^|/)test/"] },
      to: { path: "^packages/testkit/" },
    },
    {
      name: "d6-sources-not-tests",
      severity: "error",
      from: { path: "/src/" },
      to: { path: "(?:^|/)test/", pathNot: NPM },
    },
    {
      name: "d6-checker-on-its-own",
      comment: "what judges a storm knows nothing of the code that it judges",
      severity: "error",
      from: { path: "^test/chaos/checker/" },
      to: { pathNot: ["^test/chaos/checker/", `${NPM}nats/`], dependencyTypesNot: ["core"] },
    },
    {
      name: "d6-model-on-its-own",
      comment: "what access is held against is written without a look at it",
      severity: "error",
      from: { path: "^test/prove/access/model/" },
      to: { pathNot: ["^test/prove/access/model/"] },
    },
    { name: "d7-no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "d7-no-deep-imports",
      comment: "another package is entered by its index.ts",
      severity: "error",
      from: { path: "^(protocol|packages/[^/]+|services/[^/]+|test|examples|scripts)/" },
      to: {
        path: "^(?:protocol|packages/[^/]+)/",
        pathNot: ["^$1/", "^(?:protocol|packages/[^/]+)/src/index\\.ts$"],
      },
    },
    {
      name: "d7-declared-dependencies",
      comment: "an import stands in the importer's own package.json; it works by accident else",
      severity: "error",
      from: { path: "^(?:protocol|packages/[^/]+|services/[^/]+)/src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "npm-peer", "npm-optional"] },
    },
    { name: "d7-resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "d8-named-by-responsibility",
      comment: "a folder or file of this name has no responsibility",
      severity: "error",
      from: {},
      to: { path: "(?:^|/)(?:util|utils|common|helper|helpers|manager|managers|types)[./]", pathNot: NPM },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // The peers of the benchmark are a workspace of their own, which is not installed here.
    exclude: { path: ["(?:^|/)\\.cache/", "^test/bench/peers/"] },
    // Type-only imports count as well.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
      extensions: [".ts", ".mts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
