import { isDeepStrictEqual } from "node:util";
import { HistoryEntry } from "@jetmesh/protocol";
import { applyDocuments, startMesh, stateDocument } from "@jetmesh/testkit";
import { createRandom } from "../../chaos/storm/random.ts";
import { createStage, type Ended } from "./carry-out.ts";
import { generate } from "./generate.ts";
import type { Operation, Outcome } from "./model/operations.ts";
import { predict } from "./model/predict.ts";
import { newWorld, type Plant } from "./model/world.ts";
import { type Disagreement, shrink } from "./shrink.ts";

export interface ProofOptions {
  readonly seed: number;
  readonly operations: number;
  readonly planted?: Plant | undefined;
  readonly say: (line: string) => void;
}

export interface Proof {
  readonly seed: number;
  readonly operations: number;
  readonly allowed: number;
  readonly denied: number;
  readonly disagreements: number;
  readonly smallest?: Disagreement;
}

/** Random operations on a real mesh, one after another, each answer held against the model's; stops at the first that differs. */
export async function proveAccess({ seed, operations, planted, say }: ProofOptions): Promise<Proof> {
  await using mesh = await startMesh();
  const client = await mesh.client();
  await applyDocuments(client, [stateDocument("moving"), stateDocument("resting")]);
  const ends = new Map<string, Ended>();
  client.connection.nc.subscribe(client.names.history.all, {
    callback: (_error, message) => {
      const entry = HistoryEntry.parse(message.json());
      const key = entry.trigger?.via === "stream" ? entry.trigger.key : undefined;
      if (key === undefined) return;
      const { code } = entry.refusal ?? {};
      const outcome: Outcome =
        code === undefined ? { ok: true, shows: { outcome: entry.outcome } } : { ok: false, code };
      ends.set(key, { actionId: entry.id, outcome });
    },
  });

  let cases = 0;
  /** Carries out a case from the start, in a namespace of its own; gives where it is answered otherwise. */
  const replay = async (all: readonly Operation[]): Promise<Disagreement | undefined> => {
    cases += 1;
    const stage = createStage(client, ends, `c${String(cases)}`);
    const world = newWorld(planted);
    for (const [index, operation] of all.entries()) {
      const expected = predict(world, operation);
      const answered = await stage.carryOut(operation);
      if (!isDeepStrictEqual(answered, expected))
        return { operations: all.slice(0, index + 1), expected, answered };
    }
    return undefined;
  };

  const random = createRandom(seed);
  const stage = createStage(client, ends, "c0");
  const world = newWorld(planted);
  const done: Operation[] = [];
  const counts = { allowed: 0, denied: 0 };
  for (let id = 1; id <= operations; id += 1) {
    const operation = generate(world, id, random);
    done.push(operation);
    const expected = predict(world, operation);
    const answered = await stage.carryOut(operation);
    counts[answered.ok ? "allowed" : "denied"] += 1;
    if (id % 500 === 0) say(`${String(id)} operations`);
    if (isDeepStrictEqual(answered, expected)) continue;
    say(`operation ${String(id)} is answered otherwise than the rules say; looking for the smallest case`);
    const smallest = await shrink({ operations: done, expected, answered }, replay);
    return { seed, operations: id, ...counts, disagreements: 1, smallest };
  }
  return { seed, operations, ...counts, disagreements: 0 };
}
