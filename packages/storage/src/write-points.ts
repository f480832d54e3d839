/** Who makes a write or an acknowledgement, and the sentence of the design that it serves. */
export interface FaultPlace {
  readonly by: readonly (
    | "state-store"
    | "flight-plan-runner"
    | "lifecycle-ticker"
    | "gateway"
    | "authz"
    | "client"
  )[];
  readonly serves: string;
}

/**
 * Every write that a mesh makes, by name, beside the sentence of the design that it serves. A write cannot be made
 * without its name, so a new one shows up here; and at each a fault can be switched on (`faults.ts`), before it and
 * after it, which is how the tests go through every crash point there is.
 */
export const WRITE_POINTS = {
  "jet.accept": {
    by: ["state-store"],
    serves: "§4 Beginning: the compare-and-swap of J's record is the acceptance",
  },
  "jet.create": {
    by: ["state-store"],
    serves: "§5 jet.create makes the record and triggers the create action",
  },
  "jet.target": { by: ["state-store"], serves: "§3 Bring to state: the target is kept in the jet's record" },
  "jet.settle": {
    by: ["state-store"],
    serves: "§4 Ending: jet settled, only if its open.id is this action and the incarnation matches",
  },
  "jet.move-on": { by: ["state-store"], serves: "§4 Repair: an idle jet with a queue or a target moved on" },
  "jet.apply": {
    by: ["state-store"],
    serves: "§5 Applying a Jet sets its template, users, managers and variables, never its state",
  },
  "definitions.apply": {
    by: ["state-store"],
    serves: "§5 one apply is one atomic batch with expected revisions",
  },
  "action.make": {
    by: ["state-store"],
    serves: "§4 Beginning: an action of a jet is never written before its jet holds the id",
  },
  "action.claim": {
    by: ["flight-plan-runner"],
    serves: "§2 Claim: a compare-and-swap that writes claim {runner, nonce, at}",
  },
  "action.step": {
    by: ["flight-plan-runner"],
    serves: "§2 Flight plans: one write ends step k and opens step k+1",
  },
  "action.progress": {
    by: ["flight-plan-runner"],
    serves: "§2 main returned IN_PROGRESS; the watcher's answers",
  },
  "action.again": {
    by: ["flight-plan-runner"],
    serves: "§2 repeats and a watcher's SLEEPING: stored at once as SLEEPING",
  },
  "action.pause": { by: ["flight-plan-runner"], serves: "§2 pause: what remained of each delay" },
  "action.outcome": { by: ["flight-plan-runner"], serves: "§4 Ending: outcome (SUCCESS or ERROR, no TTL)" },
  "action.expire": {
    by: ["state-store"],
    serves: "§2 start delay, deadline: the state-store writes for actions nobody holds",
  },
  "action.poison": {
    by: ["state-store"],
    serves: "§7.2 an accepted trigger that never ends: the state-store ends what kills its runners",
  },
  "action.close": {
    by: ["state-store"],
    serves: "§4 Ending: CLOSED with its TTL; the write with the TTL is the last",
  },
  "resume.send": {
    by: ["state-store", "flight-plan-runner"],
    serves: "§4 Beginning: jet, action, resume, acknowledgement",
  },
  "resume.tick": { by: ["lifecycle-ticker"], serves: "§6 the ticker calls resume when an action is due" },
  "history.closed": { by: ["state-store"], serves: "§4 Ending: history, once per action" },
  "history.refused": {
    by: ["state-store"],
    serves: "§6 everything not allowed is denied, and the denial is in the history",
  },
  "history.late": {
    by: ["state-store"],
    serves: "§2 a late result: kept in the history as late, never applied",
  },
  "dead.letter": {
    by: ["state-store"],
    serves: "§7.8 every input ends in an effect, a coded refusal or JM_DEAD",
  },
  "dead.replay": {
    by: ["state-store"],
    serves: "§5 JM_DEAD: replayable; the message again, where it came from",
  },
  "dead.remove": {
    by: ["state-store"],
    serves: "§5 JM_DEAD: a letter that was replayed is gone, once its message is acknowledged",
  },
  "given-up.remove": {
    by: ["state-store"],
    serves: "§7.8 what the broker gave up leaves its work queue, once it is in JM_DEAD",
  },
  "sweep.remove": {
    by: ["state-store"],
    serves: "§7.8 a message that its consumer gives to nobody any more leaves its work queue",
  },
  "suspect.mark": {
    by: ["state-store", "flight-plan-runner"],
    serves: "§7.8 a bad message that blocks a queue: a mark before each trial",
  },
  "suspect.clear": {
    by: ["state-store", "flight-plan-runner"],
    serves: "§7.8 the trial's handler came back: the message does not kill",
  },
  "trigger.publish": { by: ["client"], serves: "§5 a trigger, published by a client" },
  "log.chunk": { by: ["flight-plan-runner"], serves: "§5 output of steps, live" },
  "presence.renew": { by: ["flight-plan-runner"], serves: "§2 Known dead: a renewal of the presence" },
  "presence.end": { by: ["flight-plan-runner"], serves: "§2 a runner that ends takes its presence away" },
  "lease.renew": { by: ["lifecycle-ticker"], serves: "§6 several tickers may run, one leads" },
} as const satisfies Record<string, FaultPlace>;
export type WritePoint = keyof typeof WRITE_POINTS;

/** Messages that are acknowledged once their effects are written. */
export const ACK_POINTS = {
  "trigger.ack": {
    by: ["state-store"],
    serves: "§4 Beginning: … and then the acknowledgement of the trigger",
  },
  "resume.ack": {
    by: ["flight-plan-runner"],
    serves: "§4 a resume is acknowledged once the claim is won or lost",
  },
  "advisory.ack": { by: ["state-store"], serves: "§7.8 … and then the acknowledgement of the advisory" },
} as const satisfies Record<string, FaultPlace>;
export type AckPoint = keyof typeof ACK_POINTS;

export type FaultPoint = WritePoint | AckPoint;

/** All of them, for the table of `docs/faults.md` and for the tests that go through it. */
export const FAULT_POINTS: Readonly<Record<FaultPoint, FaultPlace>> = { ...WRITE_POINTS, ...ACK_POINTS };
