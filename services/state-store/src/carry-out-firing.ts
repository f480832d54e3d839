import { toInstant, toMs } from "@jetmesh/lifecycle";
import type { AccessCheck, Fired, Firing, HistoryEntry, TriggerSource } from "@jetmesh/protocol";
import { askOneAccess, type Refusal, RefusedError } from "@jetmesh/service-kit";
import { acceptTrigger } from "./accept.ts";
import type { Deps } from "./deps.ts";
import { refusalBefore, writeFiringRefused } from "./history.ts";
import { makeOfKind } from "./make-of-kind.ts";
import { wasMade } from "./was-made.ts";

type Outcome = Omit<Fired, "at" | "id">;
const BEGUN: Outcome = { outcome: "begun" };

/** The right that it takes to do what a schedule does. */
export function accessOf(user: string, { trigger, create }: Pick<Firing, "trigger" | "create">): AccessCheck {
  if (trigger !== undefined) return { operation: "trigger", user, jet: trigger.jet, action: trigger.action };
  if (create !== undefined) return { operation: "run.create", user, kind: create.kind };
  throw new Error("a schedule does nothing");
}

/**
 * Does what a firing is to do, or says in the history that it was not done. Done again it is the same action, and the same
 * entry; `isLeft`: somebody may have done it before, and what came of it then stays.
 */
export async function carryOut(
  deps: Deps,
  schedule: string,
  firing: Firing,
  isLeft: boolean,
): Promise<Outcome> {
  const { missed, leftOut, id } = firing;
  const said = (under: string): Promise<HistoryEntry["refusal"]> =>
    isLeft ? refusalBefore(deps, subjectOf(firing), under, toMs(firing.at)) : Promise.resolve(undefined);
  const say = async (under: string, refusal: Refusal): Promise<void> => {
    if ((await said(under)) === undefined)
      await writeFiringRefused(deps, subjectOf(firing), entryOf(schedule, firing, under), refusal);
  };
  if (missed !== undefined) {
    const message = `what fell due from ${missed.from} until before ${missed.until} is left out`;
    await say(missed.id, { code: "firing_missed", message });
  }
  if (leftOut !== undefined) {
    await say(id, leftOut);
    return { outcome: "left_out", ...leftOut };
  }
  if (isLeft && (await wasMade(deps, id))) return BEGUN;
  const before = await said(id);
  if (before !== undefined) return { outcome: "refused", ...before };
  const refusal = await attempt(deps, schedule, firing);
  if (refusal === undefined) return BEGUN;
  await say(id, refusal);
  return { outcome: "refused", code: refusal.code, message: refusal.message };
}

async function attempt(deps: Deps, schedule: string, firing: Firing): Promise<Refusal | undefined> {
  const { owner, trigger, create, id } = firing;
  const access = await askOneAccess(deps, accessOf(owner, firing));
  if (trigger !== undefined) {
    const { jet, action, argument } = trigger;
    const at = toInstant(deps.clock.now());
    const asked = { id, action, user: owner, argument, trigger: sourceOf(schedule, firing), at };
    const accepted = await acceptTrigger(deps, jet, asked, trigger.onBusy, { access, expired: false });
    return accepted.kind === "refused" ? accepted.refusal : undefined;
  }
  if (!access.allow) return { code: access.code, message: access.message };
  if (create === undefined) return undefined;
  try {
    await makeOfKind(deps, { ...create, id, user: owner, trigger: sourceOf(schedule, firing) });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof RefusedError) return thrown.refusal;
    throw thrown;
  }
}

const sourceOf = (schedule: string, { at }: Firing): TriggerSource => ({
  via: "schedule",
  key: `${schedule}@${at}`,
});

/** Whose history it stands in. */
const subjectOf = ({ trigger, create }: Firing): string => trigger?.jet ?? create?.kind ?? "";

function entryOf(
  schedule: string,
  firing: Firing,
  id: string,
): Pick<HistoryEntry, "id" | "user" | "trigger" | "jet" | "action" | "kind"> {
  const { owner: user, trigger, create } = firing;
  const of = trigger === undefined ? { kind: create?.kind } : { jet: trigger.jet, action: trigger.action };
  return { id, user, trigger: sourceOf(schedule, firing), ...of };
}
