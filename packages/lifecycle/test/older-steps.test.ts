import type { ActionRecord, StepChunk, WorkflowStep } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunksOf, cutSteps, decideAction, keepNote, newAction, placed } from "../src/index.ts";

/**
 * A record's course: steps begin and end in any order, and holders cut what is over whenever they like, from whatever
 * revision they know; of some cuts the record learns, others come to nothing.
 */
const ID = "fedcba98765432100123456789";
const CHILD = (place: number): string => `f${String(place).padStart(25, "0")}`;
const START = newAction({ id: ID, kind: "flow", user: "ann", argument: {}, definition: {} }, 0);

const begin = (record: ActionRecord, place: number): ActionRecord => {
  const what = { ref: "s", n: place, what: "action", of: "x", child: CHILD(place) } as const;
  return { ...record, steps: [...(record.steps ?? []), { place, ...what, at: record.createdAt }] };
};
const endOne = (record: ActionRecord, which: number, size: number): ActionRecord => {
  const open = (record.steps ?? []).filter(({ end }) => end === undefined);
  const child = open[which % Math.max(1, open.length)]?.child;
  if (child === undefined) return record;
  const kept = keepNote(record, { of: "child", child, outcome: "SUCCESS", result: "x".repeat(size) }, 0);
  return typeof kept === "string" ? record : { ...record, ...kept };
};

type Move =
  | { readonly do: "begin"; readonly many: number }
  | { readonly do: "end"; readonly many: number; readonly which: number; readonly size: number }
  | { readonly do: "cut"; readonly behind: number; readonly isWritten: boolean };
const moves = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("begin" as const), many: fc.integer({ min: 1, max: 60 }) }),
    fc.record({
      do: fc.constant("end" as const),
      many: fc.integer({ min: 1, max: 60 }),
      which: fc.nat(200),
      size: fc.constantFrom(0, 0, 0, 10, 9_000, 70_000),
    }),
    fc.record({ do: fc.constant("cut" as const), behind: fc.nat(6), isWritten: fc.boolean() }),
  ),
  { maxLength: 24, size: "max" },
);

interface Course {
  readonly record: ActionRecord;
  /** As they would be without chunks. */
  readonly all: readonly WorkflowStep[];
  readonly chunks: ReadonlyMap<number, StepChunk>;
  /** Chunks that were cut twice and were not the same. */
  readonly differ: readonly StepChunk[];
}

function go(course: readonly Move[]): Course {
  let record = START;
  let whole = START;
  const revisions = [record];
  const chunks = new Map<number, StepChunk>();
  const differ: StepChunk[] = [];
  let place = 0;
  for (const move of course) {
    if (move.do === "begin")
      for (let n = 0; n < move.many; n += 1, place += 1)
        [record, whole] = [begin(record, place), begin(whole, place)];
    else if (move.do === "end")
      for (let n = 0; n < move.many; n += 1)
        [record, whole] = [record, whole].map((one) => endOne(one, move.which, n === 0 ? move.size : 0)) as [
          ActionRecord,
          ActionRecord,
        ];
    else {
      // Of an older revision: by a holder who has lost his claim and does not know.
      const from = move.isWritten ? record : (revisions.at(-1 - move.behind) ?? record);
      const cut = cutSteps(from);
      for (const chunk of cut?.chunks ?? []) {
        const before = chunks.get(chunk.number);
        if (before !== undefined && JSON.stringify(before) !== JSON.stringify(chunk)) differ.push(chunk);
        chunks.set(chunk.number, chunk);
      }
      if (cut !== undefined && move.isWritten)
        record = { ...record, ...cut.kept, steps: [...cut.kept.steps] };
    }
    // As it comes back from a bucket.
    record = JSON.parse(JSON.stringify(record)) as ActionRecord;
    revisions.push(record);
  }
  return { record, all: whole.steps ?? [], chunks, differ };
}

const older = ({ record, chunks }: Course): WorkflowStep[] => {
  const { first, next } = record.older ?? { first: 0, next: 0 };
  return Array.from({ length: next - first }, (_, n) => chunks.get(first + n)?.steps ?? []).flat();
};
const byPlace = (steps: readonly WorkflowStep[]): WorkflowStep[] =>
  placed(steps).sort((a, b) => a.place - b.place);

describe("steps that leave their record", () => {
  it("are with those that stay what they would be had none left, and lie in the same chunks whoever cuts them", () => {
    fc.assert(
      fc.property(moves, (moved) => {
        const course = go(moved);
        const { steps = [], older: named } = course.record;
        const gone = older(course);
        expect(course.differ).toEqual([]);
        expect(byPlace([...gone, ...steps])).toEqual(byPlace(course.all));
        expect(gone.map(({ end }) => end?.order)).toEqual(gone.map((_, order) => order));
        expect(named?.steps ?? 0).toBe(gone.length);
        // Each chunk is named by the one behind it, the last by the record.
        let expected = named?.mark ?? "";
        for (let number = (named?.next ?? 0) - 1; number >= 0; number -= 1) {
          expect(course.chunks.get(number)?.mark).toBe(expected);
          expected = course.chunks.get(number)?.before ?? "?";
        }
        expect(expected).toBe("");
      }),
      { numRuns: 60 },
    );
  });

  it("are in chunks of 64, or fewer where those are large", () => {
    const small = go([
      { do: "begin", many: 200 },
      { do: "end", many: 200, which: 0, size: 0 },
      { do: "cut", behind: 0, isWritten: true },
    ]);
    expect([...small.chunks.values()].map(({ steps }) => steps.length)).toEqual([64, 64, 64]);
    expect(small.record.steps).toHaveLength(8);
    const large = go([
      { do: "begin", many: 5 },
      ...Array.from({ length: 5 }, () => ({ do: "end" as const, many: 1, which: 0, size: 40_000 })),
      { do: "cut", behind: 0, isWritten: true },
    ]);
    expect([...large.chunks.values()].map(({ steps }) => steps.length)).toEqual([2, 2]);
  });

  it("are only those whose ends are written", () => {
    const { record } = go([
      { do: "begin", many: 100 },
      { do: "end", many: 100, which: 0, size: 0 },
    ]);
    expect(cutSteps(record, 63)).toBeUndefined();
    expect(cutSteps(record, 64)?.kept.older.steps).toBe(64);
  });
});

describe("a record whose older steps are elsewhere", () => {
  const { record } = go([
    { do: "begin", many: 70 },
    { do: "end", many: 65, which: 0, size: 0 },
    { do: "cut", behind: 0, isWritten: true },
  ]);

  it("has what it is told of one of them already, and counts ends on from them", () => {
    const again = { of: "child", child: CHILD(3), outcome: "SUCCESS" } as const;
    expect(keepNote(record, again, 0)).toBe("already");
    const next = keepNote(record, { ...again, child: CHILD(66) }, 0);
    expect(typeof next === "string" ? next : next.steps?.find(({ place }) => place === 66)?.end?.order).toBe(
      65,
    );
  });

  it("has chunks up to that which a holder may be writing", () => {
    expect(chunksOf(START)).toEqual({ from: 0, to: 0 });
    expect(chunksOf(record)).toEqual({ from: 0, to: 1 });
    const more = Array.from({ length: 64 }, (_, n) => n + 70).reduce(begin, record);
    const full = Array.from({ length: 64 }).reduce<ActionRecord>((one) => endOne(one, 0, 0), more);
    expect(chunksOf(full)).toEqual({ from: 0, to: 2 });
  });

  it("begins its next attempt with numbers behind all that may have been written, and names what is to go", () => {
    const held = { ...record, repeat: { ...record.repeat, error: 3 } };
    const claimed = decideAction(
      held,
      { type: "resume", runner: "r", nonce: "nonce-of-r", holderDead: false },
      0,
    );
    const fail = (from: ActionRecord, left = {}): ActionRecord => {
      const nonce = from.claim?.nonce ?? "";
      const error = { code: "x", message: "x" };
      const next = decideAction(
        from,
        { type: "main_returned", nonce, answer: { ...left, state: "ERROR", error } },
        0,
      );
      return next.kind === "write" ? next.next : from;
    };
    expect(claimed.kind).toBe("write");
    if (claimed.kind !== "write") return;
    const second = fail(claimed.next);
    expect(second.older).toEqual({ steps: 0, first: 1, next: 1, from: 0, mark: "" });
    expect(second.steps).toBeUndefined();
    // What was cut for the write that ends it counts as well.
    const cut = fail(claimed.next, { older: { ...claimed.next.older, next: 4 } });
    expect(cut.older).toMatchObject({ first: 4, next: 4, from: 0 });
  });
});
