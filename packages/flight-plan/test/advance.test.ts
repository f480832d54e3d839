import type { JournalEntry, PlanDefinition } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advance, type PlanNode } from "../src/index.ts";
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

describe("a plan that is called more than once in a group", () => {
  const inner = (more: object = {}): PlanDefinition => planOf([step("in")], more, "low");
  const middle = planOf([{ reference: "deep", plan: "low" }], { parallel: true }, "mid");
  const group = {
    reference: "g",
    parallel: [
      { reference: "a", plan: "low" },
      { reference: "b", plan: "mid" },
      { reference: "c", plan: "low" },
      step("d"),
    ],
  };
  const openIn = (tree: ReturnType<typeof treeOf>, ended: readonly string[]): string[] => {
    const end = (journal: readonly JournalEntry[]): JournalEntry[] =>
      journal.map((one) => (ended.includes(one.reference) ? { ...one, endedAt: one.startedAt, ...OK } : one));
    let { journal } = advance(tree, [], {}, NOW);
    for (const _ of ended) ({ journal } = advance(tree, end(journal), {}, NOW));
    return advance(tree, end(journal), {}, NOW).open.map(({ node }) => node.path);
  };

  it("runs once at a time, also inside of others, in the order of the group; what is none of it runs meanwhile", () => {
    const tree = treeOf([group], {}, [inner(), middle]);
    expect(openIn(tree, [])).toEqual(["g/a/in", "g/d"]);
    expect(openIn(tree, ["g/a/in"])).toEqual(["g/b/deep/in", "g/d"]);
    expect(openIn(tree, ["g/a/in", "g/b/deep/in"])).toEqual(["g/c/in", "g/d"]);
    expect(way(walk(tree, { "g/b/deep/in": BAD }))).toEqual([
      ...["g/a/in SUCCESS", "g/d SUCCESS", "g/b/deep/in ERROR", "g/c/in SUCCESS"],
    ]);
  });

  it("runs at once where it says that it may", () => {
    const tree = treeOf([group], {}, [inner({ parallel: true }), middle]);
    expect(openIn(tree, [])).toEqual(["g/a/in", "g/b/deep/in", "g/c/in", "g/d"]);
  });

  it("is waited for by none whose condition does not hold", () => {
    const skipped = {
      ...group,
      parallel: group.parallel.map((one, at) => (at === 0 ? { ...one, when: "false" } : one)),
    };
    const tree = treeOf([skipped], {}, [inner(), middle]);
    expect(openIn(tree, [])).toEqual(["g/b/deep/in", "g/d"]);
  });
});

describe("the time of a plan", () => {
  const inner = planOf([step("in")], { finally: [step("inz")] }, "low");
  const tree = treeOf(
    [
      { reference: "g", parallel: [step("a"), step("b")] },
      { reference: "c", plan: "low" },
    ],
    { timeout: 1_000, finally: [step("z")] },
    [inner],
  );
  const endedUpTo = (count: number): JournalEntry[] =>
    walk(tree)
      .journal.slice(0, count)
      .map((entry) => ({ ...entry, startedAt: new Date(NOW).toISOString() }));

  it("is that of its groups and of the plans that it calls, and not of what always runs", () => {
    const deadlines = (journal: readonly JournalEntry[]): (readonly [string, number | undefined])[] =>
      advance(tree, journal, {}, NOW + 1).open.map(({ node, deadline }) => [node.path, deadline?.at]);
    const begun = advance(tree, [], {}, NOW).journal;
    expect(deadlines(begun)).toEqual([
      ["g/a", NOW + 1_000],
      ["g/b", NOW + 1_000],
    ]);
    expect(deadlines(endedUpTo(2))).toEqual([["c/in", NOW + 1_000]]);
    expect(deadlines(endedUpTo(3))).toEqual([["c/inz", undefined]]);
    expect(deadlines(endedUpTo(4))).toEqual([["z", undefined]]);
  });

  it("ends none that has begun: whoever runs it cuts it, and it says itself how it ended", () => {
    const begun = advance(tree, [], {}, NOW).journal;
    const late = advance(tree, begun, {}, NOW + 5_000);
    expect([way(late), late.end]).toEqual([["g/a open", "g/b open"], undefined]);
    const half = begun.map((entry, at) => (at === 0 ? { ...entry, endedAt: entry.startedAt, ...OK } : entry));
    expect(way(advance(tree, half, {}, NOW + 5_000))).toEqual(["g/a SUCCESS", "g/b open"]);
  });

  it("and that of a step that waits: whichever is over first, and what it is the end of", () => {
    const timed = (timeout: number): (number | undefined)[] => {
      const more = [{ reference: "w", wait: "1h", timeout }, step("s", { timeout: 1 })];
      const one = treeOf([{ reference: "g", parallel: more }], { timeout: 1_000 });
      const { journal } = advance(one, [], {}, NOW);
      return advance(one, journal, {}, NOW).open.map(({ deadline }) => deadline?.at);
    };
    // Of a step that runs each try has its time, which is not the plan's to watch.
    expect(timed(400)).toEqual([NOW + 400, NOW + 1_000]);
    expect(timed(4_000)).toEqual([NOW + 1_000, NOW + 1_000]);
    expect(timed(0)).toEqual([NOW + 1_000, NOW + 1_000]);
  });

  it("is told to a step that waits, and to no other", () => {
    const both = treeOf([{ reference: "g", parallel: [{ reference: "w", wait: 50 }, step("s")] }]);
    const entries = advance(both, [], {}, NOW).journal;
    expect(entries.map(({ waitUntil }) => waitUntil)).toEqual([new Date(NOW + 50).toISOString(), undefined]);
  });
});

describe("a plan that is cut", () => {
  const cut = { at: NOW + 5, error: { code: "canceled", message: "no longer wanted" } };
  const inner = planOf([step("in"), step("in2")], { finally: [step("inz")] }, "low");
  const tree = treeOf(
    [step("a"), { reference: "c", plan: "low" }, step("d")],
    { finally: [step("z", { when: 'error.code == "canceled"' })] },
    [inner],
  );
  const end = (journal: readonly JournalEntry[], more: Partial<JournalEntry>): JournalEntry[] =>
    journal.map((entry) =>
      entry.endedAt === undefined ? { ...entry, endedAt: entry.startedAt, ...more } : entry,
    );

  it("begins no step, has what is open end, and runs what always runs of every plan that has begun, inside first", () => {
    const a = end(advance(tree, [], {}, NOW).journal, OK);
    const open = advance(tree, a, {}, NOW + 4);
    expect(open.open.map(({ node, deadline }) => [node.path, deadline])).toEqual([["c/in", undefined]]);
    const late = advance(tree, open.journal, {}, NOW + 6, cut);
    expect(late.open.map(({ node, deadline }) => [node.path, deadline])).toEqual([["c/in", cut]]);
    const inz = advance(tree, end(late.journal, { outcome: "ERROR", error: cut.error }), {}, NOW + 7, cut);
    expect(inz.open.map(({ node, deadline }) => [node.path, deadline])).toEqual([["c/inz", undefined]]);
    const z = advance(tree, end(inz.journal, OK), {}, NOW + 8, cut);
    expect(z.open.map(({ node, deadline }) => [node.path, deadline])).toEqual([["z", undefined]]);
    const over = advance(tree, end(z.journal, BAD), {}, NOW + 9, cut);
    expect(way(over)).toEqual(["a SUCCESS", "c/in ERROR", "c/inz SUCCESS", "z ERROR"]);
    expect(over.end).toEqual({ outcome: "ERROR", error: cut.error });
  });

  it("goes on with what always runs where that had begun, the plans that it calls included", () => {
    const calling = treeOf([step("a")], { finally: [{ reference: "c", plan: "low" }] }, [inner]);
    const a = end(advance(calling, [], {}, NOW).journal, OK);
    const open = advance(calling, a, {}, NOW + 4);
    const late = advance(calling, open.journal, {}, NOW + 6, cut);
    expect(late.open.map(({ node, deadline }) => [node.path, deadline])).toEqual([["c/in", undefined]]);
    const next = advance(calling, end(late.journal, OK), {}, NOW + 7, cut);
    expect(way(next)).toEqual(["a SUCCESS", "c/in SUCCESS", "c/in2 open"]);
  });

  it("has not succeeded where a rule says so of the step that was cut", () => {
    const forgiving = treeOf([step("a", { onExit: [{ when: "true", do: "next" }] })], {
      finally: [step("z", { when: 'outcome == "ERROR"' })],
    });
    const open = advance(forgiving, [], {}, NOW);
    const z = advance(forgiving, end(open.journal, { outcome: "ERROR", error: cut.error }), {}, NOW + 7, cut);
    expect(way(z)).toEqual(["a ERROR", "z open"]);
    expect(advance(forgiving, end(z.journal, OK), {}, NOW + 8, cut).end).toMatchObject({ outcome: "ERROR" });
  });
});

describe("the error of a plan", () => {
  const bad = (message: string): Partial<JournalEntry> => ({
    ...BAD,
    error: { code: "step_failed", message },
  });

  it("is the first that is kept, of steps one after another and of a group", () => {
    const tree = treeOf([step("a"), step("b"), step("c")], { onError: "continue" });
    const { end } = walk(tree, { a: bad("one"), c: bad("three") });
    expect(end).toMatchObject({ outcome: "ERROR", error: { message: "step 'a': one" } });
    const group = treeOf([{ reference: "g", parallel: [step("a"), step("b"), step("c")] }]);
    expect(walk(group, { "g/b": bad("two"), "g/c": bad("three") }).end).toMatchObject({
      error: { message: "step 'g/b': two" },
    });
  });

  it("of a group is the plan's to judge", () => {
    const tree = treeOf([{ reference: "g", parallel: [step("a"), step("b")] }, step("c")], {
      onError: "continue",
    });
    const walked = walk(tree, { "g/a": BAD });
    expect([way(walked), walked.end?.outcome]).toEqual([["g/a ERROR", "g/b SUCCESS", "c SUCCESS"], "ERROR"]);
    const stopped = walk(treeOf([{ reference: "g", parallel: [step("a")] }, step("c")]), { "g/a": BAD });
    expect(way(stopped)).toEqual(["g/a ERROR"]);
  });

  it("is known to what always runs, whose own errors count where there is none, the first of them", () => {
    const last = [
      step("well", { when: 'outcome == "SUCCESS" && error == null' }),
      step("ill", { when: 'outcome == "ERROR" && error.code == "step_failed"' }),
    ];
    const tree = treeOf([step("a")], { finally: last });
    expect(way(walk(tree))).toEqual(["a SUCCESS", "well SUCCESS", "ill SKIPPED"]);
    expect(way(walk(tree, { a: BAD }))).toEqual(["a ERROR", "well SKIPPED", "ill SUCCESS"]);
    expect(walk(tree, { a: bad("one"), ill: bad("two") }).end).toMatchObject({
      error: { message: "step 'a': one" },
    });
    const two = treeOf([step("a")], { finally: [step("y"), step("z")] });
    expect(walk(two, { y: bad("two"), z: bad("three") }).end).toMatchObject({
      outcome: "ERROR",
      error: { message: "step 'y': two" },
    });
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

  it("that is cut at any moment begins nothing more but what always runs, and ends", () => {
    const lastOf = ({ steps: own, last }: PlanNode): string[] => [
      ...last.map(({ path }) => path),
      ...own.flatMap(({ calls }) => (calls === undefined ? [] : lastOf(calls))),
    ];
    fc.assert(
      fc.property(ANY, fc.nat(12), ({ tree, outcomes, order }, atTurn) => {
        const values = { argument: { n: 1 } };
        const cut = { at: NOW + atTurn, error: { code: "canceled", message: "no" } };
        let journal: readonly JournalEntry[] = [];
        for (let now = NOW; ; now += 1) {
          expect(now - NOW).toBeLessThan(500);
          const isCut = now >= cut.at;
          const next = advance(tree, journal, values, now, isCut ? cut : undefined);
          const isNew = next.journal.slice(journal.length);
          if (isCut && atTurn > 0)
            // A branch of a group has an entry that says that it was cut before it began.
            for (const { reference, endedAt } of isNew)
              if (endedAt === undefined && !lastOf(tree).some((one) => reference.startsWith(one)))
                expect(next.open.find(({ entry }) => entry.reference === reference)?.deadline).toEqual(cut);
          if (next.end !== undefined) {
            if (isCut) expect(next.end.outcome).toBe("ERROR");
            return;
          }
          const open = next.journal.filter(({ endedAt }) => endedAt === undefined);
          const one = open[order.next().value % open.length];
          const how = outcomes.next().value ? OK : BAD;
          journal = next.journal.map((entry) =>
            entry === one ? { ...entry, endedAt: new Date(now).toISOString(), ...how } : entry,
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
