// What can be run once everything is there. Each command takes its arguments and gives an exit code.
import { runChecks, runFormat, runLint, runTypes } from "./checks.mjs";
import { findServer } from "./nats-server.mjs";
import { NODE } from "./node-runtime.mjs";
import { inRoot, ROOT } from "./paths.mjs";
import { runAttached } from "./processes.mjs";
import { runTests } from "./tests.mjs";

const CLI = inRoot("packages/cli/src/main.ts");

function serverEnvironment() {
  const server = findServer();
  return server === undefined ? {} : { NATS_SERVER: server };
}

async function runScript(file, args, { cwd = ROOT, env = serverEnvironment() } = {}) {
  const { exitCode } = await runAttached(NODE, [file, ...args], { cwd, env });
  return exitCode;
}

/** What `npm test` runs; the chaos tests take longer and have a command of their own. */
const EVERY_DAY = ["unit", "integration", "e2e"].flatMap((project) => ["--project", project]);

const runProject = (project) => (args) => runTests(["--project", project, ...args], serverEnvironment());

export const COMMANDS = {
  start: (args) => runScript(CLI, ["up", "--example", "examples/web", ...args]),
  // The caller's folder stays: files named on the command line are relative to it.
  jm: (args) =>
    runScript(CLI, args, { cwd: process.cwd(), env: startsMesh(args) ? serverEnvironment() : {} }),
  check: () => runChecks(),
  lint: () => runLint(),
  typecheck: () => runTypes(),
  format: () => runFormat(),
  async test(args) {
    const checks = await runChecks();
    const tests = await runTests([...EVERY_DAY, ...args], serverEnvironment());
    return checks || tests;
  },
  "test:unit": runProject("unit"),
  "test:integration": runProject("integration"),
  "test:e2e": runProject("e2e"),
  "test:chaos": runProject("chaos"),
  chaos: (args) => runScript(inRoot("test/chaos/storm/main.ts"), args),
  "prove:access": (args) => runScript(inRoot("test/prove/access/main.ts"), args),
  bench: (args) => runScript(inRoot("test/bench/mesh.bench.ts"), args),
  "bench:scale": (args) => runScript(inRoot("test/bench/scale.bench.ts"), args),
  "bench:size": (args) => runScript(inRoot("test/bench/size.bench.ts"), args),
  "bench:overload": (args) => runScript(inRoot("test/bench/overload.bench.ts"), args),
  "bench:profile": (args) => runScript(inRoot("test/bench/profile.bench.ts"), args),
  "bench:workflow": (args) => runScript(inRoot("test/bench/workflow.bench.ts"), args),
  "bench:soak": (args) => runScript(inRoot("test/bench/soak.bench.ts"), args),
  "bench:writer": (args) => runScript(inRoot("test/bench/writer.bench.ts"), args),
};

/** `jm up` runs a broker; the other verbs only talk to one. */
function startsMesh(args) {
  return args.includes("up");
}

const WITH_SERVER = [
  "start",
  "test",
  "test:integration",
  "test:e2e",
  "test:chaos",
  "chaos",
  "prove:access",
  "bench",
  "bench:scale",
  "bench:size",
  "bench:overload",
  "bench:profile",
  "bench:workflow",
  "bench:soak",
  "bench:writer",
];

/** Tests always run servers of their own; everything else uses the one at NATS_URL where it is set. */
export function needsServer(name, args, env) {
  if (name !== "jm" && !WITH_SERVER.includes(name)) return false;
  if (name === "jm" && !startsMesh(args)) return false;
  return name.startsWith("test") || !env.NATS_URL;
}
