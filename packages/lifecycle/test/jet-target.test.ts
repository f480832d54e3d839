import type { JetRecord, TemplateDefinition } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideJet } from "../src/index.ts";
import { ALLOWED, NOW } from "./jet-situations.ts";
import { actionNamed, fresh, idOf } from "./jet-walks.ts";
import { anyStart, anyState, anyTemplate, distance, templateOf } from "./random-templates.ts";

/** Hops and successes until nothing is wanted any more; gives the number of hops. */
function bring(
  jet: JetRecord,
  template: TemplateDefinition,
  state: string,
): { hops: number; jet: JetRecord } | undefined {
  const order = {
    type: "target",
    id: idOf(999),
    state,
    user: "alice",
    trigger: { via: "api", key: "k" },
    template,
  } as const;
  const begun = decideJet(jet, order, NOW);
  if (begun.kind === "refused") return undefined;
  let present = begun.kind === "write" ? begun.next : jet;
  let hops = 0;
  while (present.target !== undefined) {
    const hop = decideJet(present, { type: "hop", id: idOf(hops), template, facts: ALLOWED }, NOW);
    if (hop.kind !== "write" || hop.next.open === undefined) throw new Error(`a hop was ${hop.kind}`);
    const { open } = hop.next;
    const action = actionNamed(template, open.action);
    const ended = decideJet(
      hop.next,
      { type: "ended", id: open.id, incarnation: 7, action, outcome: "SUCCESS" },
      NOW,
    );
    if (ended.kind !== "write") throw new Error(`an end was ${ended.kind}`);
    present = ended.next;
    hops += 1;
  }
  return { hops, jet: present };
}

describe("a jet that is brought to a state", () => {
  it("arrives by the shortest way through any template, or is refused with no_path", () => {
    fc.assert(
      fc.property(anyTemplate, anyStart, anyState, (template, from, state) => {
        const start = { ...fresh(template), ...(from === undefined ? {} : { state: from }) };
        const brought = bring(start, template, state);
        expect(brought?.hops).toBe(distance(template.actions, from, state));
        if (brought !== undefined) expect(brought.jet.state).toBe(state);
      }),
      { numRuns: 500 },
    );
  });

  it("gives up its target by the first hop that fails", () => {
    fc.assert(
      fc.property(anyTemplate, anyStart, anyState, (template, from, state) => {
        const start = { ...fresh(template), ...(from === undefined ? {} : { state: from }) };
        const order = {
          type: "target",
          id: idOf(999),
          state,
          user: "alice",
          trigger: { via: "api", key: "k" },
          template,
        } as const;
        const begun = decideJet(start, order, NOW);
        if (begun.kind !== "write") return;
        const hop = decideJet(begun.next, { type: "hop", id: idOf(0), template, facts: ALLOWED }, NOW);
        if (hop.kind !== "write") throw new Error(`a hop was ${hop.kind}`);
        const [effect] = hop.effects;
        if (effect?.type !== "create_action") throw new Error("a hop makes an action");
        const event = {
          type: "ended",
          id: idOf(0),
          incarnation: 7,
          action: effect.action,
          outcome: "ERROR",
        } as const;
        const ended = decideJet(hop.next, event, NOW);
        expect(ended.kind === "write" && ended.next.target).toBeUndefined();
      }),
    );
  });

  it("takes the path anew from where the last hop led it", () => {
    const before = templateOf([
      { from: "s0", to: "s1" },
      { from: "s1", to: "s2" },
      { from: "s2", to: "s3" },
    ]);
    const after = templateOf([
      { from: "s0", to: "s1" },
      { from: "s1", to: "s2" },
      { from: "s2", to: "s3" },
      { from: "s1", to: "s3" },
    ]);
    const target = {
      id: idOf(9),
      state: "s3",
      user: "alice",
      trigger: { via: "api", key: "k" },
      at: fresh(before).createdAt,
      hops: 1,
    } as const;
    const there = { ...fresh(before), state: "s1", target };
    const open = (template: TemplateDefinition): string | undefined => {
      const decision = decideJet(there, { type: "hop", id: idOf(1), template, facts: ALLOWED }, NOW);
      return decision.kind === "write" ? decision.next.open?.action : undefined;
    };
    expect([open(before), open(after)]).toEqual(["a1", "a3"]);
  });

  it("is given up after 500 hops, for a template that leads it in circles", () => {
    const template = templateOf([{ from: "s0", to: "s1" }]);
    const target = {
      id: idOf(9),
      state: "s1",
      user: "alice",
      trigger: { via: "api", key: "k" },
      at: fresh(template).createdAt,
    } as const;
    const hop = (hops: number): string =>
      decideJet(
        { ...fresh(template), state: "s0", target: { ...target, hops } },
        { type: "hop", id: idOf(1), template, facts: ALLOWED },
        NOW,
      ).kind;
    expect([hop(499), hop(500)]).toEqual(["write", "refused"]);
  });
});
