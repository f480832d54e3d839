import type { ActionDefinition, ActionRecord, Delays, JsonObject, TriggerSource } from "@jetmesh/protocol";
import { after, type Now, toInstant } from "./instants.ts";

/** Defaults of design §2; a plan has none of the two delays, its steps and itself carry their own. */
export const DEFAULT_DELAYS: Delays = {
  startMs: 0,
  mainMs: 120_000,
  progressMs: 600_000,
  deadlineMs: 0,
  frequencyMs: 10_000,
};
export const PLAN_DELAYS: Delays = { ...DEFAULT_DELAYS, mainMs: 0, progressMs: 0 };
export const DEFAULT_POOL = "default";
export const PLAN_KIND = "flight-plan";

export interface NewAction {
  readonly id: string;
  readonly kind: string;
  readonly pool?: string | undefined;
  readonly user: string;
  readonly argument: JsonObject;
  readonly definition: ActionDefinition;
  readonly trigger?: TriggerSource;
  readonly jet?: { readonly reference: string; readonly template: string; readonly incarnation: number };
  readonly rollbackable?: boolean;
}

/** A saved action: SLEEPING, and nothing runs before a first resume. */
export function newAction(given: NewAction, now: Now): ActionRecord {
  const { jetAction, plan } = given.definition;
  const defaults = plan === undefined && given.kind !== PLAN_KIND ? DEFAULT_DELAYS : PLAN_DELAYS;
  const own = jetAction?.delays ?? {};
  const delays: Delays = {
    startMs: own.start ?? defaults.startMs,
    mainMs: own.main ?? defaults.mainMs,
    progressMs: own.progress ?? defaults.progressMs,
    deadlineMs: own.deadline ?? defaults.deadlineMs,
    frequencyMs: Math.max(1, own.frequency ?? defaults.frequencyMs),
  };
  const expiresAt = after(now, delays.startMs);
  const deadlineAt = after(now, delays.deadlineMs);
  const repeat = jetAction?.repeat ?? { error: 0, success: 0, backoff: 10_000 };
  return {
    v: 1,
    id: given.id,
    kind: given.kind,
    pool: given.pool ?? DEFAULT_POOL,
    ...(given.jet === undefined
      ? {}
      : { jet: given.jet.reference, template: given.jet.template, incarnation: given.jet.incarnation }),
    user: given.user,
    ...(given.trigger === undefined ? {} : { trigger: given.trigger }),
    definition: given.definition,
    argument: given.argument,
    state: "SLEEPING",
    attempt: 1,
    delays,
    timers: {
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(deadlineAt === undefined ? {} : { deadlineAt }),
    },
    repeat: { error: repeat.error, success: repeat.success, backoffMs: repeat.backoff },
    watcherFailures: 0,
    maxWatcherFailures: 5,
    rollbackable: given.rollbackable ?? false,
    bag: {},
    journal: [],
    createdAt: toInstant(now),
    transitions: [{ to: "SLEEPING", at: toInstant(now), attempt: 1 }],
  };
}
