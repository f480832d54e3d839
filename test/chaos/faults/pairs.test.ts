import { afterAll, beforeAll, describe, test } from "vitest";
import { createRandom } from "../storm/random.ts";
import { casesOf, type FaultCase } from "./every-point.ts";
import { type FaultedMesh, startFaultedMesh } from "./faulted-mesh.ts";

/** Of another seed by FAULT_SEED, of more pairs by FAULT_PAIRS; a pair that failed is kept in `KEPT`. */
const seed = Number(process.env["FAULT_SEED"] ?? 1);
const count = Number(process.env["FAULT_PAIRS"] ?? 32);
const KEPT: readonly (readonly [FaultCase["owner"], string, string])[] = [];

let mesh: FaultedMesh;
beforeAll(async () => (mesh = await startFaultedMesh()), 60_000);
afterAll(() => mesh.stop());

/** Two faults of one process, the second at one of its first occurrences. */
function pairs(): (readonly [FaultCase["owner"], string, string])[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const owner = random.pick(["state-store", "flight-plan-runner"] as const);
    const cases = casesOf(owner);
    const second = random.pick(cases).fault.replace(/@\d+$/, `@${String(random.between(1, 4))}`);
    return [owner, random.pick(cases).fault, second] as const;
  });
}

describe(`at random pairs of points (seed ${String(seed)}) the invariants hold`, () => {
  test.each([...KEPT, ...pairs()])("in %s: %s and %s", (owner, one, other) =>
    mesh.suffer(owner, [one, other]),
  );
});
