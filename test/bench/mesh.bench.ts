import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Arguments, parseArguments, USAGE } from "./arguments.ts";
import { runBench } from "./bench.ts";
import { allEngines } from "./engines/all.ts";
import { linesOf } from "./report/console.ts";
import { markdownOf } from "./report/markdown.ts";
import { svgOf } from "./report/svg.ts";
import { createResources } from "./resources.ts";
import { say } from "./say.ts";

/** `npm run bench`: the same closed loop over the whole mesh and over every peer that can be had here. */
function usage(problem: string): never {
  process.stderr.write(`${problem}\n\n${USAGE}\n`);
  process.exit(2);
}

function readArguments(): Arguments {
  try {
    return parseArguments(process.argv.slice(2));
  } catch (thrown) {
    return usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

const given = readArguments();
const all = allEngines(given.modes, Math.max(...given.inFlight));
if (given.help) {
  console.log(`${USAGE}\n\nengines: ${all.map(({ key }) => key).join(", ")}`);
  process.exit(0);
}
const unknown = given.engines?.filter((key) => !all.some((engine) => engine.key === key)) ?? [];
if (unknown.length > 0) usage(`--engines: there is no ${unknown.join(", ")}`);
const wanted = all.filter(
  ({ key }) => (given.engines?.includes(key) ?? true) && (!given.onlyJetmesh || key.startsWith("jetmesh-")),
);

const resources = createResources(say);
try {
  const report = await runBench(wanted, given, resources);
  if (given.out !== undefined) {
    mkdirSync(given.out, { recursive: true });
    writeFileSync(join(given.out, "report.md"), markdownOf(report));
    writeFileSync(join(given.out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(join(given.out, "report.svg"), svgOf(report));
    say(`report.md, report.json and report.svg are in ${given.out}`);
  }
  console.log(given.json ? JSON.stringify(report) : linesOf(report).join("\n"));
} finally {
  await resources.close();
}
