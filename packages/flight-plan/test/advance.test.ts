import type { JournalEntry } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advance } from "../src/index.ts";
import { BAD, NOW, OK, planOf, treeOf, walk, way } from "./plan-situations.ts";

const step = (reference: string, more: object = {}): object => ({ reference, shell: "true", ...more });

describe("a plan goes on", () => {
  it("one step after another, the first at once", () => {
    const tree = treeOf([step("a"), step("b")]);
    expect(way(advance(tree, [], {}, NOW))).toEqual(["a open"]);
    expect(way(walk(tree))).toEqual(["a SUCCESS", "b SUCCESS"]);
    expect(walk(tree).end).toEqual({ outcome: "SUCCESS" });
  });

  it("with a group: all at once, and what follows when the last has ended, also where a rule ends the plan", () => {
    const tree = treeOf([
      { reference: "g", parallel: [step("a", { onExit: [{ when: "true", do: "stop" }] }), step("b")] },
      step("c"),
    ]);
    const begun = advance(tree, [], {}, NOW);
    expect(way(begun)).toEqual(["g/a open", "g/b open"]);
    const half = begun.journal.map((entry, index) =>
      index === 0 ? { ...entry, endedAt: entry.startedAt, ...OK } : entry,
    );
    expect(advance(tree, half, {}, NOW)).toMatchObject({
      end: undefined,
      open: [{ entry: { reference: "g/b" } }],
    });
    expect(way(walk(tree))).toEqual(["g/a SUCCESS", "g/b SUCCESS"]);
  });

  it("by the time that is left: a step that is not begun is not begun any more, and one that is has its end then", () => {
    const tree = treeOf([step("a"), step("b")], { timeout: 1_000, finally: [step("z")] });
    const begun = advance(tree, [], {}, NOW);
    expect(begun.open[0]?.deadline).toBeUndefined();
    const again = advance(tree, begun.journal, {}, NOW + 1);
    expect(again.open[0]?.deadline?.at).toBe(NOW + 1_000);
    const ended = begun.journal.map((entry) => ({ ...entry, endedAt: entry.startedAt, ...OK }));
    expect(way(advance(tree, ended, {}, NOW + 999))).toEqual(["a SUCCESS", "b open"]);
    expect(way(advance(tree, ended, {}, NOW + 1_000))).toEqual(["a SUCCESS", "z open"]);
  });
});

/** Plans of any shape, with steps that end in any way. */
const leaf = (depth: number): fc.Arbitrary<object> =>
  fc
    .record(
      {
        verb:
          depth === 0
            ? fc.constantFrom("shell", "wait")
            : fc.constantFrom("shell", "wait", "plan", "parallel"),
        when: fc.constantFrom(undefined, "true", "false", "nope", "argument.n == 1"),
        rule: fc.constantFrom(undefined, "next", "continue", "stop", "exit"),
        on: fc.constantFrom("code == 0", "code == 1", "true", "nope"),
        called: fc.constantFrom("low", "mid"),
        branches: fc.array(fc.constantFrom("shell", "wait"), { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ["verb", "on", "called", "branches"] },
    )
    .map(({ verb, when, rule, on, called, branches }) => ({
      ...(verb === "shell" ? { shell: "true" } : {}),
      ...(verb === "wait" ? { wait: 5 } : {}),
      ...(verb === "plan" ? { plan: depth > 1 ? called : "low" } : {}),
      ...(verb === "parallel"
        ? { parallel: branches.map((one) => (one === "shell" ? { shell: "true" } : { wait: 5 })) }
        : {}),
      ...(when === undefined ? {} : { when }),
      ...(rule === undefined
        ? {}
        : { onExit: [{ when: on, do: rule, ...(rule === "exit" ? { code: 3 } : {}) }] }),
    }));
const steps = (depth: number): fc.Arbitrary<object[]> =>
  fc.array(leaf(depth), { minLength: 1, maxLength: 4 });
const plan = (depth: number): fc.Arbitrary<[object[], object]> =>
  fc.tuple(
    steps(depth),
    fc.record({
      onError: fc.constantFrom("stop", "continue"),
      finally: fc.array(leaf(0), { maxLength: 2 }),
    }),
  );
const ANY = fc
  .tuple(plan(2), plan(1), plan(0), fc.infiniteStream(fc.boolean()), fc.infiniteStream(fc.nat(5)))
  .map(([top, mid, low, outcomes, order]) => ({
    tree: treeOf(top[0], top[1], [planOf(mid[0], mid[1], "mid"), planOf(low[0], low[1], "low")]),
    outcomes,
    order,
  }));

describe("any plan", () => {
  it("ends, begins each step once, and says the same whoever takes it up, in whatever order its steps end", () => {
    fc.assert(
      fc.property(ANY, ({ tree, outcomes, order }) => {
        const values = { argument: { n: 1 } };
        let now = NOW;
        let journal: readonly JournalEntry[] = [];
        for (let turns = 0; ; turns += 1) {
          expect(turns).toBeLessThan(500);
          const next = advance(tree, journal, values, now);
          // What is there stays, in its order.
          expect(next.journal.slice(0, journal.length)).toEqual(journal);
          expect(new Set(next.journal.map(({ reference }) => reference)).size).toBe(next.journal.length);
          // Asked again, of what was written and read, it is the same, and opens nothing more.
          const again = advance(
            tree,
            JSON.parse(JSON.stringify(next.journal)) as JournalEntry[],
            values,
            now + 1,
          );
          expect(way(again)).toEqual(way(next));
          expect(again.end).toEqual(next.end);
          const open = next.journal.filter(({ endedAt }) => endedAt === undefined);
          expect(next.open.map(({ entry }) => entry.reference).sort()).toEqual(
            open.map(({ reference }) => reference).sort(),
          );
          if (next.end !== undefined) {
            expect(open).toEqual([]);
            return;
          }
          expect(open.length).toBeGreaterThan(0);
          now += 1;
          const one = open[order.next().value % open.length];
          const end = outcomes.next().value ? OK : BAD;
          journal = next.journal.map((entry) =>
            entry === one ? { ...entry, endedAt: new Date(now).toISOString(), ...end } : entry,
          );
        }
      }),
      { numRuns: 400 },
    );
  });

  it("runs what always runs, once, however the rest went", () => {
    fc.assert(
      fc.property(steps(0), fc.infiniteStream(fc.boolean()), (given, outcomes) => {
        const tree = treeOf(given, { finally: [step("always")] });
        const ends = new Proxy({}, { get: () => (outcomes.next().value ? OK : BAD) });
        expect(way(walk(tree, ends)).filter((line) => line.startsWith("always"))).toHaveLength(1);
      }),
    );
  });
});
