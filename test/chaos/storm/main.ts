import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { COLUMNS } from "../checker/violation.ts";
import { PLANTS, type Plant } from "./definitions.ts";
import { historyOf } from "./report.ts";
import { runStorm } from "./storm.ts";

const USAGE = `npm run chaos -- --seed N --seconds S --runners R [--stores K] [--nodes 1|3] [--shards N] [--sync default|always] [--plant WHAT] [--json] [--logs FILE]

  --seed     what is disturbed, when and how: the same seed does the same again     (default: 1)
  --seconds  how long it storms, 1 to 3600                                           (default: 60)
  --runners  how many runners, 1 to 16                                               (default: 3)
  --stores   how many state-stores, 1 to 8                                           (default: 2)
  --nodes    one broker, or a cluster of three with three replicas                   (default: 1)
  --shards   in how many streams jets and actions lie, each, 1 to 64                 (default: 1)
  --sync     when the broker writes to the disk                                      (default: default)
  --plant    limit, label, secret or shown: broken on purpose, to see that it is found; may be said again
  --json     one object as the very last line
  --logs     write what the services logged to a file
Exits with 1 where an invariant was violated, 2 for a wrong command line.`;

function usage(problem: string): never {
  process.stderr.write(`${problem}\n\n${USAGE}\n`);
  process.exit(2);
}

function wholeNumber(name: string, given: string, low: number, high: number): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < low || value > high)
    usage(`--${name} must be a whole number from ${String(low)} to ${String(high)}, not '${given}'`);
  return value;
}

function readOptions(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (thrown) {
    return usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
const parse = () =>
  parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seconds: { type: "string", default: "60" },
      runners: { type: "string", default: "3" },
      stores: { type: "string", default: "2" },
      nodes: { type: "string", default: "1" },
      shards: { type: "string", default: "1" },
      sync: { type: "string", default: "default" },
      plant: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      logs: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;

/** With all that is known of each. */
const PRINTED_OF_A_COLUMN = 8;

const isPlant = (word: string): word is Plant => (PLANTS as readonly string[]).includes(word);

const given = readOptions();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (given.help) {
  say(USAGE);
  process.exit(0);
}
if (given.sync !== "default" && given.sync !== "always") usage("--sync is 'default' or 'always'");
if (given.nodes !== "1" && given.nodes !== "3") usage("--nodes is 1 or 3");

const plants = given.plant.filter(isPlant);
if (plants.length < given.plant.length) usage(`--plant is one of ${PLANTS.join(", ")}`);

const { seed, verdict, faults, evidence, logs } = await runStorm({
  seed: wholeNumber("seed", given.seed, 0, 2 ** 32 - 1),
  seconds: wholeNumber("seconds", given.seconds, 1, 3_600),
  runners: wholeNumber("runners", given.runners, 1, 16),
  stores: wholeNumber("stores", given.stores, 1, 8),
  nodes: given.nodes === "3" ? 3 : 1,
  shards: wholeNumber("shards", given.shards, 1, 64),
  sync: given.sync,
  plants: new Set(plants),
  say,
});
const { violations, columns, takeoverMs, ...counts } = verdict;
if (given.logs !== undefined) writeFileSync(given.logs, logs());
const printed = COLUMNS.flatMap((column) =>
  violations.filter((one) => one.column === column).slice(0, PRINTED_OF_A_COLUMN),
);
for (const { column, says, about } of printed) {
  say(`VIOLATION ${column}: ${says}`);
  for (const line of historyOf(evidence, about)) say(`    ${line}`);
}
if (violations.length > printed.length) say(`and ${String(violations.length - printed.length)} more`);
say(
  `seed ${String(seed)}: ${String(counts.triggers)} triggers, ${String(counts.accepted)} accepted, ${String(counts.refused)} refused, ${String(counts.closed)} closed`,
);
say(COLUMNS.map((column) => `${column} ${String(columns[column])}`).join(", "));
say(
  `take-over of ${String(takeoverMs.count)} actions of killed runners: p50 ${String(takeoverMs.p50)} ms, p99 ${String(takeoverMs.p99)} ms`,
);
if (given.json) {
  const { p50, p99 } = takeoverMs;
  say(JSON.stringify({ seed, ...counts, ...columns, takeoverMs: { p50, p99 }, faults }));
}
process.exit(violations.length === 0 ? 0 : 1);
