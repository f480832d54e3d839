import { parseArgs } from "node:util";
import type { Operation, Outcome } from "./model/operations.ts";
import { PLANTS, type Plant } from "./model/world.ts";
import { proveAccess } from "./prove.ts";

const USAGE = `npm run prove:access -- --seed N --operations 2000 [--json] [--plant RULE]

  --seed        which users, templates, jets and operations: the same seed asks the same again  (default: 1)
  --operations  how many, 1 to 100000                                                            (default: 2000)
  --json        one object as the very last line
  --plant       makes the model wrong on purpose, which must be found: ${PLANTS.map((one) => `"${one}"`).join(", ")}
Exits with 1 where the mesh answers otherwise than the model of the rules, 2 for a wrong command line.`;

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

const parse = () =>
  parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      operations: { type: "string", default: "2000" },
      json: { type: "boolean", default: false },
      plant: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
function readOptions(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (thrown) {
    return usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

const isPlant = (given: string): given is Plant => PLANTS.some((plant) => plant === given);
const describe = ({ id, by, ...does }: Operation): string => `${String(id)} ${by}: ${JSON.stringify(does)}`;
const answer = (outcome: Outcome): string =>
  outcome.ok ? `allowed, and shown ${JSON.stringify(outcome.shows)}` : `denied with ${outcome.code}`;

const given = readOptions();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (given.help) {
  say(USAGE);
  process.exit(0);
}
const { plant } = given;
if (plant !== undefined && !isPlant(plant)) usage(`--plant is one of ${PLANTS.join(", ")}`);

const { smallest, ...counts } = await proveAccess({
  seed: wholeNumber("seed", given.seed, 0, 2 ** 32 - 1),
  operations: wholeNumber("operations", given.operations, 1, 100_000),
  planted: plant,
  say,
});
if (smallest !== undefined) {
  say(`DISAGREEMENT, the smallest case of ${String(smallest.operations.length)} operations:`);
  for (const operation of smallest.operations) say(`    ${describe(operation)}`);
  say(`  by the rules it is ${answer(smallest.expected)}`);
  say(`  by the mesh it is ${answer(smallest.answered)}`);
}
say(
  `seed ${String(counts.seed)}: ${String(counts.operations)} operations, ${String(counts.allowed)} allowed, ${String(counts.denied)} denied, ${String(counts.disagreements)} disagreements`,
);
if (given.json) say(JSON.stringify(counts));
process.exit(counts.disagreements === 0 ? 0 : 1);
