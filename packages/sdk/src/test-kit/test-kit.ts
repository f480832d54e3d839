import {
  dueAt,
  earliest,
  expiresAt,
  isOpen,
  newAction,
  toInstant,
  toMs,
  whyAction,
} from "@jetmesh/lifecycle";
import { type ActionRecord, Duration, type JsonObject, type WorkflowStep } from "@jetmesh/protocol";
import { actionIdOfKey } from "@jetmesh/service-kit";
import type { z } from "zod";
import type { DefinedAction, Time } from "../define-action.ts";
import { createTestMesh, type TestCall } from "./test-mesh.ts";

export type { TestCall } from "./test-mesh.ts";

export interface TestKitOptions {
  readonly kinds: readonly DefinedAction[];
  /** When it begins; the clock stands still but for what the test, or waiting for an end, moves it. */
  readonly now?: Date;
  /** Asked when a method has returned: whether its runner died at that moment, so that nobody learns what it gave. */
  readonly losesRunner?: (call: TestCall) => boolean;
}

type Changes = { readonly notBefore?: string };

/**
 * Kinds and workflows without a broker: the same core decides, the same code runs a workflow's steps, one after another in
 * this process, and the clock is the test's own. Nothing is waited for: where all that is left is due later, the clock goes
 * there.
 */
export interface TestKit {
  now(): number;
  /** Makes an action, and runs nothing yet. */
  create<A extends z.ZodType>(action: DefinedAction<A>, argument: z.input<A>, changes?: Changes): string;
  /** Makes one, and goes on until it has ended. */
  run<A extends z.ZodType>(action: DefinedAction<A>, argument: z.input<A>): Promise<ActionRecord>;
  /** Goes on until it has ended; throws where it waits for something that does not come by itself, and says for what. */
  untilEnded(id: string): Promise<ActionRecord>;
  /** Moves the clock, and runs what falls due on the way. */
  advance(time: Time): Promise<void>;
  signal(id: string, name: string, payload?: unknown): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  cancel(id: string): Promise<void>;
  /** Undoes what a closed one did, to its end. */
  rollBack(id: string): Promise<ActionRecord>;
  get(id: string): ActionRecord;
  /** All steps of a workflow, also those that are not in its record any more. */
  steps(id: string): readonly WorkflowStep[];
  /** Each method that was called, in order. */
  readonly calls: readonly TestCall[];
  /** What an action logged. */
  log(id: string): readonly string[];
}

/** A kit whose actions never end would go on for ever. */
const MOST_ROUNDS = 100_000;

export function createTestKit({ kinds, now = new Date(0), losesRunner }: TestKitOptions): TestKit {
  const clock = { ms: now.getTime() };
  const mesh = createTestMesh(kinds, clock, losesRunner ?? (() => false));
  let made = 0;

  const next = (): number | undefined => {
    const open = mesh.all().filter(({ state }) => isOpen(state));
    const at = earliest(...open.flatMap((record) => [dueAt(record), expiresAt(record)]));
    return at === undefined ? undefined : Math.max(toMs(at), clock.ms);
  };
  /** Runs what is due, the clock going no further than that. */
  const goOn = async (until: number, isOver: () => boolean): Promise<void> => {
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds += 1) {
      while (await mesh.runOne()) if (isOver()) return;
      const due = next();
      if (isOver() || due === undefined || due > until) return;
      // What was due now has been looked at: it is not to be looked at again at the same instant.
      clock.ms = due === clock.ms ? due + 1 : due;
    }
    throw new Error(`it goes on and on: nothing came to an end in ${String(MOST_ROUNDS)} rounds`);
  };

  const kit: TestKit = {
    now: () => clock.ms,
    create(action, argument, { notBefore } = {}) {
      const id = actionIdOfKey("test", String((made += 1)), "action", action.name);
      const { registers: registered, name: kind } = action;
      const given = {
        id,
        kind,
        user: "test",
        argument: argument as JsonObject,
        definition: {},
        registered,
        notBefore,
      };
      mesh.add(newAction(given, clock.ms));
      return id;
    },
    run: (action, argument) => kit.untilEnded(kit.create(action, argument)),
    async untilEnded(id) {
      await goOn(Number.POSITIVE_INFINITY, () => mesh.get(id).state === "CLOSED");
      const record = mesh.get(id);
      if (record.outcome !== undefined) return record;
      throw new Error(`action ${id} does not end: it waits for ${whyAction(record, clock.ms).message}`);
    },
    async advance(time) {
      const until = clock.ms + Duration.parse(time);
      await goOn(until, () => false);
      clock.ms = until;
    },
    signal: (id, name, payload) => {
      const signal = {
        ...{ id: String((made += 1)), name, at: toInstant(clock.ms) },
        ...(payload === undefined ? {} : { payload: payload as NonNullable<ActionRecord["result"]> }),
      };
      return mesh.note(id, { of: "signal", signal });
    },
    pause: (id) => mesh.decide(id, { type: "pause" }),
    resume: (id) => mesh.decide(id, { type: "unpause" }),
    cancel: (id) => mesh.cancel(id),
    async rollBack(id) {
      await mesh.rollBack(id);
      return mesh.get(id);
    },
    get: (id) => mesh.get(id),
    steps: (id) => mesh.steps(id),
    calls: mesh.calls,
    log: (id) => mesh.logs.get(id) ?? [],
  };
  return kit;
}
