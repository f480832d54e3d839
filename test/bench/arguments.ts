import { parseArgs } from "node:util";
import type { Mode } from "./engines/jetmesh.ts";

export const USAGE = `npm run bench -- [--only jetmesh] [--engines a,b] [--modes default,always] [--inFlight 1,16,64,256]
                  [--seconds S] [--rounds R] [--out DIR] [--json]

  --only      jetmesh: the peers are left out, and nothing is installed
  --engines   only these, by the names that --help lists
  --modes     how Jetmesh's broker syncs                                    (default: default,always)
  --inFlight  how many jobs are under way at once                           (default: 1,16,64,256)
  --seconds   how long one engine is measured at one load in one round      (default: 3)
  --rounds    how often that is repeated, in another order                  (default: 3)
  --out       write report.md, report.json and report.svg into this folder
  --json      one object as the very last line
  --take-over no: leave out what happens when a worker is killed            (default: yes, with the peers)`;

export interface Arguments {
  readonly json: boolean;
  readonly help: boolean;
  readonly onlyJetmesh: boolean;
  /** Undefined is all. */
  readonly engines: readonly string[] | undefined;
  readonly modes: readonly Mode[];
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  readonly out: string | undefined;
  readonly takeOver: boolean;
}

/** Throws an Error that says what is wrong. */
export function parseArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      only: { type: "string" },
      engines: { type: "string" },
      modes: { type: "string", default: "default,always" },
      inFlight: { type: "string", default: "1,16,64,256" },
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      out: { type: "string" },
      "take-over": { type: "string" },
    },
  });
  if (values.only !== undefined && values.only !== "jetmesh")
    throw new Error(`--only is 'jetmesh', not '${values.only}'`);
  const onlyJetmesh = values.only === "jetmesh";
  const inFlight = values.inFlight.split(",").map((word) => within("--inFlight", word, 1, 4_096));
  if (inFlight.some((level) => !Number.isInteger(level))) throw new Error("--inFlight is whole numbers");
  const rounds = within("--rounds", values.rounds, 1, 100);
  if (!Number.isInteger(rounds)) throw new Error("--rounds is a whole number");
  const takeOver = values["take-over"] ?? (onlyJetmesh ? "no" : "yes");
  if (takeOver !== "yes" && takeOver !== "no") throw new Error("--take-over is yes or no");
  return {
    json: values.json,
    help: values.help,
    onlyJetmesh,
    engines: values.engines?.split(","),
    modes: values.modes.split(",").map(mode),
    inFlight,
    seconds: within("--seconds", values.seconds, 0.05, 600),
    rounds,
    out: values.out,
    takeOver: takeOver === "yes",
  };
}

function mode(word: string): Mode {
  if (word !== "default" && word !== "always")
    throw new Error(`--modes is 'default' or 'always', not '${word}'`);
  return word;
}

function within(name: string, word: string, low: number, high: number): number {
  const value = Number(word);
  if (word.trim() === "" || !(value >= low && value <= high))
    throw new Error(`${name} is from ${low} to ${high}, not '${word}'`);
  return value;
}
