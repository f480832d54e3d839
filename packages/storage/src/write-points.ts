/** Who makes a write or an acknowledgement, and the sentence of the design that it serves. */
export interface FaultPlace {
  readonly by: readonly (
    | "state-store"
    | "flight-plan-runner"
    | "lifecycle-ticker"
    | "gateway"
    | "authz"
    | "client"
    | "command"
  )[];
  readonly serves: string;
}

/**
 * Every write that a mesh makes, by name, beside the sentence of the design that it serves. A write cannot be made
 * without its name, so a new one shows up here; and at each a fault can be switched on (`faults.ts`), before it and
 * after it, which is how the tests go through every crash point there is.
 */
export const WRITE_POINTS = {
  "mesh.shards": {
    by: ["state-store"],
    serves: "§8 sustained rate × retention: or shards; how many is written down before the first is made",
  },
  "mesh.backup": {
    by: ["command"],
    serves: "§7 A store restored from a backup starts paused until doctor --restored",
  },
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
  "jet.update": {
    by: ["state-store"],
    serves: "§5 jet.update sets name, variables, users and managers, never its state",
  },
  "jet.delete": {
    by: ["state-store"],
    serves: "§3 Deleting a jet: its record says so and is gone after one day, its name is free at once",
  },
  "jet.cancel": {
    by: ["state-store"],
    serves: "§3 Queue: a waiting trigger is marked first, then it is in the history, then it is out",
  },
  "jet.undo": {
    by: ["state-store"],
    serves: "§3 a jet that was made of a template while that was deleted is taken back",
  },
  "definitions.apply": {
    by: ["state-store"],
    serves: "§5 one apply is one atomic batch with expected revisions",
  },
  "definition.mark": {
    by: ["state-store"],
    serves: "§5 in_use: a template is marked before its jets are looked for, so that none is made meanwhile",
  },
  "definition.delete": {
    by: ["state-store"],
    serves: "§5 delete of a definition: a compare-and-swap from what was found unused",
  },
  "schedule.fire": {
    by: ["state-store"],
    serves: "§6 a schedule's firing: what is due is taken out of its record, before anything is done",
  },
  "schedule.settle": {
    by: ["state-store"],
    serves: "§6 a schedule's firing: how it came out",
  },
  "schedule.arm": {
    by: ["state-store"],
    serves: "§6 schedules live in a stream of their own that only the state-store writes",
  },
  "schedule.disarm": {
    by: ["state-store"],
    serves: "§6 schedules: what the broker keeps for one that is deleted or paused goes",
  },
  "secret.set": {
    by: ["state-store"],
    serves: "§7.6 an acknowledged secret is kept: one compare-and-swap of its scope's record",
  },
  "secret.delete": {
    by: ["state-store"],
    serves: "§7.7 a secret that was deleted, or whose jet is gone, is not there for anybody",
  },
  "secret.key": {
    by: ["state-store"],
    serves: "§7.7 the key that secrets are sealed to: whoever sets one from then on seals it to that",
  },
  "secret.reseal": {
    by: ["state-store"],
    serves: "§7.6 a scope's secrets sealed to another key, record by record: asked again it goes on",
  },
  "slot.take": {
    by: ["state-store"],
    serves: "§3 Conditions across records: a slot in the template's list of live jets, before J's own",
  },
  "slot.free": {
    by: ["state-store"],
    serves: "§3 Holds whose owner is gone are freed: the slot of a jet that is not there",
  },
  "hold.take": {
    by: ["state-store"],
    serves: "§3 a hold in the required jet's record, which its stop and destroy test in their own write",
  },
  "hold.free": {
    by: ["state-store"],
    serves: "§3 Holds whose owner is gone are freed by the state-store's scan",
  },
  "jet.fence": {
    by: ["state-store"],
    serves: "§3 before a slot or hold is freed: whoever was about to use it loses its race for the jet",
  },
  "limit.take": {
    by: ["state-store"],
    serves: "§3 Conditions across records: a slot of a limit is in one record before the action may begin",
  },
  "limit.free": {
    by: ["state-store"],
    serves: "§3 a slot whose action has ended, or is gone, is freed behind the write that ended it",
  },
  "action.grant": {
    by: ["state-store"],
    serves: "§4 Beginning: an action that has all of its slots says so before its resume is sent",
  },
  "action.make": {
    by: ["state-store"],
    serves: "§4 Beginning: an action of a jet is never written before its jet holds the id",
  },
  "kind.register": {
    by: ["state-store"],
    serves: "§1 Action kind: programs register more; what an action of the kind is made with",
  },
  "action.claim": {
    by: ["flight-plan-runner"],
    serves: "§2 Claim: a compare-and-swap that writes claim {runner, nonce, at}",
  },
  "action.step": {
    by: ["flight-plan-runner"],
    serves: "§2 Flight plans: one write ends step k and opens step k+1",
  },
  "steps.keep": {
    by: ["flight-plan-runner"],
    serves: "§2 Flight plans: the steps that a record drops lie elsewhere before it does",
  },
  "steps.retire": {
    by: ["state-store", "flight-plan-runner"],
    serves: "§7.5 a closed record kept for ever: older steps get their TTL before the write with the TTL",
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
  "action.rollback": {
    by: ["state-store"],
    serves: "§2 CLOSED, rollback: REVERTING; and §3 where a jet action's error is followed by it",
  },
  "action.undone": {
    by: ["state-store"],
    serves: "§4 Ending, of a rollback: the write with the TTL is the last",
  },
  "jet.rollback": {
    by: ["state-store"],
    serves: "§3 rolling back a jet's action is itself an open action of that jet",
  },
  "history.rolled-back": {
    by: ["state-store"],
    serves: "§5 JM_HISTORY: how a rollback went, behind the jet and before the write with the TTL",
  },
  "identity.write": {
    by: ["state-store"],
    serves: "§4 a compare-and-swap on one record before the action's own: equal actions share one",
  },
  "action.note": {
    by: ["state-store"],
    serves: "§2 Told: the parent has journaled the result; a signal is kept before it is answered",
  },
  "action.command": {
    by: ["state-store"],
    serves: "§2 cancel, pause, resume: the state-store writes for actions that nobody who lives holds",
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
  "history.secret": {
    by: ["state-store"],
    serves: "§5 JM_HISTORY: who changed which secret and when, behind the change",
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
  "reshard.record": {
    by: ["command"],
    serves: "§8 shards: what resharding is at, so that no service starts meanwhile and it can go on",
  },
  "reshard.seal": {
    by: ["command"],
    serves: "§7.6 an acknowledged write lost: none is taken once copying begins",
  },
  "reshard.make": {
    by: ["command"],
    serves: "§8 shards: the new streams, whose revisions go on behind the old",
  },
  "reshard.copy": {
    by: ["command"],
    serves: "§8 shards: a record in its new stream, with what is left of its TTL",
  },
  "reshard.remove": {
    by: ["command"],
    serves: "§7.5 nothing back from the dead: the old streams go once everything was read back",
  },
  "trigger.publish": { by: ["client"], serves: "§5 a trigger, published by a client" },
  "log.chunk": { by: ["flight-plan-runner"], serves: "§5 output of steps, live" },
  "presence.renew": { by: ["flight-plan-runner"], serves: "§2 Known dead: a renewal of the presence" },
  "presence.end": { by: ["flight-plan-runner"], serves: "§2 a runner that ends takes its presence away" },
  "ack.probe": {
    by: ["state-store", "flight-plan-runner"],
    serves: "§8 group commit is engaged by the measured latency of a lone acknowledgement",
  },
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
  "schedule.ack": {
    by: ["state-store"],
    serves: "§6 a schedule's firing: … and then the acknowledgement of the hint",
  },
  "advisory.ack": { by: ["state-store"], serves: "§7.8 … and then the acknowledgement of the advisory" },
} as const satisfies Record<string, FaultPlace>;
export type AckPoint = keyof typeof ACK_POINTS;

/** Requests on whose answer it hangs who writes. */
export const ASK_POINTS = {
  "action.offer": {
    by: ["state-store"],
    serves: "§4 Beginning: jet → action; the action is offered to a runner, which makes it with its claim",
  },
} as const satisfies Record<string, FaultPlace>;
export type AskPoint = keyof typeof ASK_POINTS;

export type FaultPoint = WritePoint | AckPoint | AskPoint;

/** All of them, for the table of `docs/faults.md` and for the tests that go through it. */
export const FAULT_POINTS: Readonly<Record<FaultPoint, FaultPlace>> = {
  ...WRITE_POINTS,
  ...ACK_POINTS,
  ...ASK_POINTS,
};
