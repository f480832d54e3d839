import type { Operation, Outcome } from "./model/operations.ts";

export interface Disagreement {
  /** The last of them is answered otherwise than the rules say. */
  readonly operations: readonly Operation[];
  readonly expected: Outcome;
  readonly answered: Outcome;
}

/** As long as this it takes at most; what it has by then is what it gives. */
const MOST_MS = 90_000;

/**
 * Leaves operations out as long as the last one is still answered otherwise than the rules say: all that only read, then
 * halves, quarters, down to single ones (delta debugging); then parts of their documents, and again while that helps. A
 * case that does not come again is given as it is.
 */
export async function shrink(
  found: Disagreement,
  replay: (operations: readonly Operation[]) => Promise<Disagreement | undefined>,
): Promise<Disagreement> {
  const until = performance.now() + MOST_MS;
  let smallest = found;
  const attempt = async (operations: readonly Operation[]): Promise<boolean> => {
    if (performance.now() > until) return false;
    const again = await replay(operations);
    if (again === undefined) return false;
    smallest = again;
    return true;
  };

  const last = found.operations.at(-1);
  await attempt(found.operations.filter((one) => one.kind !== "read" || one === last));
  for (let before = ""; before !== JSON.stringify(smallest.operations); ) {
    before = JSON.stringify(smallest.operations);
    for (let size = Math.ceil(smallest.operations.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < smallest.operations.length - 1; ) {
        const { operations } = smallest;
        const end = Math.min(at + size, operations.length - 1);
        if (!(await attempt([...operations.slice(0, at), ...operations.slice(end)]))) at += size;
      }
    }
    for (let at = 0; at < smallest.operations.length; at += 1) {
      for (let part = 0; ; ) {
        const { operations } = smallest;
        const whole = operations[at];
        const one = whole === undefined ? undefined : simplerThan(whole)[part];
        if (one === undefined) break;
        if (!(await attempt(operations.with(at, one)))) part += 1;
      }
    }
  }
  return smallest;
}

/** The same with one thing less in its documents. */
function simplerThan(operation: Operation): Operation[] {
  const less = <T>(list: readonly T[]): T[][] => list.map((_, index) => list.toSpliced(index, 1));
  if (operation.kind === "create jet") {
    const { jet } = operation;
    return [
      ...less(jet.users).map((users) => ({ ...operation, jet: { ...jet, users } })),
      ...less(jet.managers).map((managers) => ({ ...operation, jet: { ...jet, managers } })),
    ];
  }
  if (operation.kind !== "apply") return [];
  const { template, jet } = operation;
  const ofTemplate =
    template === undefined
      ? []
      : [
          ...less(template.actions).map((actions) => ({ ...template, actions })),
          ...less(template.users).map((users) => ({ ...template, users })),
          ...less(template.managers).map((managers) => ({ ...template, managers })),
        ];
  const ofJet =
    jet === undefined
      ? []
      : [
          ...less(jet.users).map((users) => ({ ...jet, users })),
          ...less(jet.managers).map((managers) => ({ ...jet, managers })),
        ];
  return [
    ...ofTemplate.map((one) => ({ ...operation, template: one })),
    ...ofJet.map((one) => ({ ...operation, jet: one })),
  ];
}
