import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { availableActions, createAction, findAction, findPath } from "../src/index.ts";
import { anyStart, anyState, anyTemplate, distance, type Edge, templateOf } from "./random-templates.ts";

const edge = (from: string | undefined, to: string | undefined, priority = 10): Edge => ({
  from,
  to,
  priority,
});
const way = (edges: readonly Edge[], from: string | undefined, to: string): string[] | undefined =>
  findPath(templateOf(edges), from, to)?.map((action) => action.reference);

describe("a path", () => {
  it("is the shortest one, however good the priorities of a longer one are", () => {
    expect(way([edge("a", "b", 0), edge("b", "c", 0), edge("a", "c", 99)], "a", "c")).toEqual(["a2"]);
  });

  it("takes the lowest priority number of those that are equally long", () => {
    expect(
      way([edge("a", "b", 20), edge("a", "c", 10), edge("b", "d", 0), edge("c", "d", 99)], "a", "d"),
    ).toEqual(["a1", "a3"]);
    expect(way([edge("a", "b", 20), edge("a", "b", 10)], "a", "b")).toEqual(["a1"]);
  });

  it("takes the first reference where the priorities are the same too", () => {
    expect(way([edge("a", "b"), edge("a", "b")], "a", "b")).toEqual(["a0"]);
  });

  it("is empty where the jet is there already, even where an action leads from there to there", () => {
    expect(way([edge("a", "a")], "a", "a")).toEqual([]);
  });

  it("is not led astray by cycles and self loops", () => {
    expect(way([edge("a", "a", 0), edge("a", "b", 0), edge("b", "a", 0), edge("b", "c")], "a", "c")).toEqual([
      "a1",
      "a3",
    ]);
  });

  it("is none where no way leads there, and none through an action that destroys", () => {
    expect(way([edge("a", "b"), edge("c", "d")], "a", "d")).toBeUndefined();
    expect(way([edge("a", undefined), edge(undefined, "b")], "a", "b")).toBeUndefined();
  });

  it("begins with a create action where the jet has no state, and only there", () => {
    const edges = [edge(undefined, "a"), edge("a", "b")];
    expect(way(edges, undefined, "b")).toEqual(["a0", "a1"]);
    expect(way(edges, "b", "a")).toBeUndefined();
  });

  it("goes round the actions that may not be used", () => {
    const template = templateOf([edge("a", "c"), edge("a", "b"), edge("b", "c")]);
    expect(
      findPath(template, "a", "c", ({ reference }) => reference !== "a0")?.map((each) => each.reference),
    ).toEqual(["a1", "a2"]);
    expect(findPath(template, "a", "c", () => false)).toBeUndefined();
  });

  it("is connected, leads there, and is as short as the oracle's, through any template", () => {
    fc.assert(
      fc.property(anyTemplate, anyStart, anyState, (template, from, target) => {
        const path = findPath(template, from, target);
        expect(path?.length).toBe(distance(template.actions, from, target));
        let at: string | undefined = from;
        for (const action of path ?? []) {
          expect(action.from).toBe(at);
          at = action.to;
        }
        if (path !== undefined) expect(at).toBe(target);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is as short as the oracle's over the actions that may be used", () => {
    fc.assert(
      fc.property(anyTemplate, anyStart, anyState, fc.integer(), (template, from, target, mask) => {
        const may = (reference: string): boolean => ((mask >> Number(reference.slice(1))) & 1) === 1;
        const path = findPath(template, from, target, (action) => may(action.reference));
        const actions = template.actions.filter((action) => may(action.reference));
        expect(path?.length).toBe(distance(actions, from, target));
        for (const action of path ?? []) expect(may(action.reference)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the actions of a template", () => {
  const template = templateOf([
    edge("a", "b", 5),
    edge("a", "c", 1),
    edge(undefined, undefined, 0),
    edge(undefined, "a", 3),
    edge(undefined, "b", 3),
  ]);

  it("are offered by the state that they begin in, the lowest priority number first", () => {
    expect(availableActions(template, "a").map((each) => each.reference)).toEqual(["a1", "a0"]);
    expect(availableActions(template, "b")).toEqual([]);
  });

  it("have as create action the lowest priority number of those with no `from` and some `to`", () => {
    expect(createAction(template)?.reference).toBe("a3");
    expect(createAction(templateOf([edge("a", "b")]))).toBeUndefined();
  });

  it("are found by reference", () => {
    expect(findAction(template, "a1")?.to).toBe("c");
    expect(findAction(template, "nope")).toBeUndefined();
  });
});
