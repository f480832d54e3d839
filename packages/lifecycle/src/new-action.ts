import type {
  ActionDefinition,
  ActionDelays,
  ActionRecord,
  ActionSlots,
  Delays,
  Instant,
  JsonObject,
  KindRecord,
  RepeatPolicy,
  TriggerSource,
} from "@jetmesh/protocol";
import { after, type Now, toInstant, toMs } from "./instants.ts";

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
  readonly labels?: readonly string[] | undefined;
  readonly lane?: ActionRecord["lane"];
  readonly user: string;
  readonly argument: JsonObject;
  readonly definition: ActionDefinition;
  readonly trigger?: TriggerSource;
  readonly jet?: { readonly reference: string; readonly template: string; readonly incarnation: number };
  /** The workflow that it is a step of. */
  readonly parent?: string;
  /** What its kind says, where that is one that a runner has registered. */
  readonly registered?: KindRecord | undefined;
  /** Its own, before those of its jet action and its kind. */
  readonly delays?: ActionDelays | undefined;
  readonly repeat?: RepeatPolicy | undefined;
  readonly notBefore?: Instant | undefined;
  readonly slots?: ActionSlots | undefined;
}

/** A saved action: SLEEPING, and nothing runs before a first resume. */
export function newAction(given: NewAction, now: Now): ActionRecord {
  const { registered, notBefore } = given;
  const { jetAction, plan } = given.definition;
  const built = plan === undefined && given.kind !== PLAN_KIND ? DEFAULT_DELAYS : PLAN_DELAYS;
  const ofKind = registered?.delays ?? {};
  const own = { ...jetAction?.delays, ...given.delays };
  const delays: Delays = {
    startMs: own.start ?? ofKind.startMs ?? built.startMs,
    mainMs: own.main ?? ofKind.mainMs ?? built.mainMs,
    progressMs: own.progress ?? ofKind.progressMs ?? built.progressMs,
    deadlineMs: own.deadline ?? ofKind.deadlineMs ?? built.deadlineMs,
    frequencyMs: Math.max(1, own.frequency ?? ofKind.frequencyMs ?? built.frequencyMs),
  };
  const expiresAt = after(notBefore === undefined ? now : Math.max(now, toMs(notBefore)), delays.startMs);
  const deadlineAt = after(now, delays.deadlineMs);
  return {
    v: 1,
    id: given.id,
    kind: given.kind,
    pool: given.pool ?? registered?.pool ?? DEFAULT_POOL,
    ...(given.labels === undefined || given.labels.length === 0 ? {} : { labels: [...given.labels] }),
    ...(given.lane === undefined ? {} : { lane: given.lane }),
    ...(given.jet === undefined
      ? {}
      : { jet: given.jet.reference, template: given.jet.template, incarnation: given.jet.incarnation }),
    ...(given.parent === undefined ? {} : { parent: given.parent }),
    user: given.user,
    ...(given.trigger === undefined ? {} : { trigger: given.trigger }),
    definition: given.definition,
    argument: given.argument,
    state: "SLEEPING",
    attempt: 1,
    ...(given.slots === undefined ? {} : { slots: given.slots }),
    delays,
    timers: {
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(deadlineAt === undefined ? {} : { deadlineAt }),
    },
    repeat: repeatOf(given),
    ...(registered?.keepMs === undefined ? {} : { keepMs: registered.keepMs }),
    watcherFailures: 0,
    maxWatcherFailures: registered?.maxWatcherFailures ?? 5,
    rollbackable:
      registered?.rollback === true || (plan?.steps.some(({ undo }) => undo !== undefined) ?? false),
    bag: {},
    journal: [],
    createdAt: toInstant(now),
    transitions: [{ to: "SLEEPING", at: toInstant(now), attempt: 1 }],
  };
}

/** One that is the same as another that is open: it runs nothing, and ends as that does. */
export const followerOf = (record: ActionRecord, leader: string, now: Now): ActionRecord => {
  const { slots: _slots, ...given } = record;
  const { deadlineAt } = record.timers;
  return {
    ...given,
    follows: leader,
    state: "IN_PROGRESS",
    timers: deadlineAt === undefined ? {} : { deadlineAt },
    transitions: [...record.transitions, { to: "IN_PROGRESS", at: toInstant(now), attempt: 1, why: "same" }],
  };
};

/** A jet action that says nothing of repeats leaves them to its kind. */
function repeatOf({ definition: { jetAction }, repeat, registered }: NewAction): ActionRecord["repeat"] {
  const ofJet = jetAction?.repeat;
  const own = repeat ?? (ofJet !== undefined && ofJet.error + ofJet.success > 0 ? ofJet : undefined);
  if (own !== undefined) {
    const { error, success, backoff: backoffMs, factor, max: maxMs, jitter } = own;
    return {
      ...{ error, success, backoffMs },
      ...(factor === undefined ? {} : { factor }),
      ...(maxMs === undefined ? {} : { maxMs }),
      ...(jitter === undefined ? {} : { jitter }),
    };
  }
  return registered?.repeat ?? { error: 0, success: 0, backoffMs: ofJet?.backoff ?? DEFAULT_BACKOFF_MS };
}
const DEFAULT_BACKOFF_MS = 10_000;
