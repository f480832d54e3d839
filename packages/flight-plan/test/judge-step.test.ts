import type { JournalEntry, PlanDefinition } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { plansCalledBy } from "../src/index.ts";
import { BAD, planOf, treeOf, walk, way } from "./plan-situations.ts";

const step = (reference: string, more: object = {}): object => ({ reference, shell: "true", ...more });
const ends = (entry: Partial<JournalEntry>): { a: Partial<JournalEntry> } => ({ a: entry });
const exited = (exitCode: number): Partial<JournalEntry> => ({ ...BAD, exitCode });

describe("the first rule of a step that holds", () => {
  const after = (
    onExit: object[],
    entry: Partial<JournalEntry>,
    more: object = {},
  ): readonly [string[], unknown] => {
    const walked = walk(treeOf([step("a", { onExit }), step("b")], more), ends(entry));
    return [way(walked), walked.end];
  };
  const OK: Partial<JournalEntry> = { outcome: "SUCCESS" };
  const SUCCESS = { outcome: "SUCCESS" };
  const failed = (message: string): object => ({ outcome: "ERROR", error: { code: "step_failed", message } });

  it.each([
    [
      "next: a failure is none",
      { when: "code == 3", do: "next" },
      exited(3),
      ["a ERROR", "b SUCCESS"],
      SUCCESS,
    ],
    [
      "another code is one",
      { when: "code == 3", do: "next" },
      exited(4),
      ["a ERROR"],
      failed("step 'a': exited with code 1"),
    ],
    [
      "continue: the error is kept",
      { when: "true", do: "continue" },
      exited(3),
      ["a ERROR", "b SUCCESS"],
      failed("step 'a': exited with code 1"),
    ],
    [
      "continue: a success is none",
      { when: "true", do: "continue" },
      OK,
      ["a SUCCESS", "b SUCCESS"],
      SUCCESS,
    ],
    ["stop: as a success", { when: "code == 0", do: "stop" }, OK, ["a SUCCESS"], SUCCESS],
    [
      "stop: as a failure",
      { when: "code != 0", do: "stop" },
      exited(3),
      ["a ERROR"],
      failed("step 'a': exited with code 1"),
    ],
    ["exit: with 0", { when: "true", do: "exit", code: 0 }, exited(3), ["a ERROR"], SUCCESS],
    [
      "exit: with another",
      { when: "true", do: "exit", code: 7 },
      OK,
      ["a SUCCESS"],
      { ...failed("step 'a' ended the plan with code 7"), exitCode: 7 },
    ],
    [
      "by its status",
      { when: "status == 404", do: "next" },
      { ...BAD, status: 404 },
      ["a ERROR", "b SUCCESS"],
      SUCCESS,
    ],
    [
      "a status that it has not",
      { when: "status == null", do: "next" },
      BAD,
      ["a ERROR", "b SUCCESS"],
      SUCCESS,
    ],
    [
      "a failure without a code has 1",
      { when: "code == 1", do: "next" },
      { ...BAD, exitCode: undefined },
      ["a ERROR", "b SUCCESS"],
      SUCCESS,
    ],
    ["a success without a code has 0", { when: "code == 0", do: "stop" }, OK, ["a SUCCESS"], SUCCESS],
    [
      "by its error",
      { when: 'error.code == "step_failed"', do: "next" },
      BAD,
      ["a ERROR", "b SUCCESS"],
      SUCCESS,
    ],
    [
      "by its outcome",
      { when: 'outcome == "SUCCESS" && error == null', do: "stop" },
      OK,
      ["a SUCCESS"],
      SUCCESS,
    ],
  ] as const)("%s", (_name, rule, entry, wayThere, end) => {
    const [went, ended] = after([rule], entry);
    expect(went).toEqual(wayThere);
    expect(ended).toMatchObject(end);
  });

  it("is the first, and one that is broken is an error of the step, which the plan judges", () => {
    const both = [
      { when: "code == 3", do: "next" },
      { when: "true", do: "exit", code: 9 },
    ];
    expect(after(both, exited(3))[1]).toMatchObject(SUCCESS);
    expect(after(both, exited(4))[1]).toMatchObject({ outcome: "ERROR", exitCode: 9 });
    const broken = [{ when: "nothing == 1", do: "next" }];
    expect(after(broken, OK)).toMatchObject([
      ["a SUCCESS"],
      failed(expect.stringContaining("rule 1 of onExit") as string),
    ]);
    expect(after(broken, OK, { onError: "continue" })).toMatchObject([
      ["a SUCCESS", "b SUCCESS"],
      { outcome: "ERROR" },
    ]);
  });
});

describe("the plans that one calls", () => {
  const known: Readonly<Record<string, PlanDefinition>> = {
    one: planOf(
      [{ plan: "two" }, { parallel: [{ plan: "three" }, { wait: 1 }] }],
      { finally: [{ plan: "two" }] },
      "one",
    ),
    two: planOf([{ plan: "three" }], {}, "two"),
    three: planOf([{ wait: 1 }], {}, "three"),
    lost: planOf([{ plan: "two" }, { plan: "nothing" }], {}, "lost"),
  };
  const called = async (name: string): Promise<readonly [string[], unknown]> => {
    const read: string[] = [];
    const plan = known[name];
    if (plan === undefined) throw new Error(name);
    const found = await plansCalledBy(plan, (reference) => {
      read.push(reference);
      return Promise.resolve(known[reference]);
    });
    return [read.toSorted(), "plans" in found ? Object.keys(found.plans).toSorted() : found];
  };

  it("are read once each, those of groups, of finally and of others included", async () => {
    expect(await called("one")).toEqual([
      ["three", "two"],
      ["three", "two"],
    ]);
    expect(await called("three")).toEqual([[], []]);
  });

  it("or the one that is missing is named", async () => {
    expect((await called("lost"))[1]).toEqual({ missing: "nothing" });
  });
});

describe("what a called plan sees", () => {
  it("is what the call gives, then what its caller sees, then its own defaults", () => {
    const low = planOf(
      [step("in", { when: 'a == "given" && b == "callers" && c == "own"' })],
      { variables: { a: "own", b: "own", c: "own" } },
      "low",
    );
    const tree = treeOf([{ reference: "call", plan: { reference: "low", variables: { a: "given" } } }], {}, [
      low,
    ]);
    expect(way(walk(tree, {}, { a: "callers", b: "callers" }))).toEqual(["call/in SUCCESS"]);
  });
});
