/**
 * Every write that a mesh makes, by name, beside the sentence of the design that it serves. A write cannot be made
 * without its name, so a new one shows up here; and at each a fault can be switched on (`faults.ts`), before it and
 * after it, which is how the tests go through every crash point there is.
 */
export const WRITE_POINTS = {
  "jet.accept": "§4 Beginning: the compare-and-swap of J's record is the acceptance",
  "jet.create": "§5 jet.create makes the record and triggers the create action",
  "jet.target": "§3 Bring to state: the target is kept in the jet's record",
  "jet.settle": "§4 Ending: jet settled, only if its open.id is this action and the incarnation matches",
  "jet.move-on": "§4 Repair: an idle jet with a queue or a target moved on",
  "jet.apply": "§5 Applying a Jet sets its template, users, managers and variables, never its state",
  "definitions.apply": "§5 one apply is one atomic batch with expected revisions",
  "action.make": "§4 Beginning: an action of a jet is never written before its jet holds the id",
  "action.claim": "§2 Claim: a compare-and-swap that writes claim {runner, nonce, at}",
  "action.step": "§2 Flight plans: one write ends step k and opens step k+1",
  "action.progress": "§2 main returned IN_PROGRESS; the watcher's answers",
  "action.again": "§2 repeats and a watcher's SLEEPING: stored at once as SLEEPING",
  "action.pause": "§2 pause: what remained of each delay",
  "action.outcome": "§4 Ending: outcome (SUCCESS or ERROR, no TTL)",
  "action.expire": "§2 start delay, deadline: the state-store writes for actions nobody holds",
  "action.poison": "§7.2 an accepted trigger that never ends: the state-store ends what kills its runners",
  "action.close": "§4 Ending: CLOSED with its TTL; the write with the TTL is the last",
  "resume.send": "§4 Beginning: jet, action, resume, acknowledgement",
  "resume.tick": "§6 the ticker calls resume when an action is due",
  "history.closed": "§4 Ending: history, once per action",
  "history.refused": "§6 everything not allowed is denied, and the denial is in the history",
  "history.late": "§2 a late result: kept in the history as late, never applied",
  "dead.letter": "§7.8 every input ends in an effect, a coded refusal or JM_DEAD",
  "dead.replay": "§5 JM_DEAD: replayable; the message again, where it came from",
  "dead.remove": "§5 JM_DEAD: a letter that was replayed is gone, once its message is acknowledged",
  "given-up.remove": "§7.8 what the broker gave up leaves its work queue, once it is in JM_DEAD",
  "suspect.mark": "§7.8 a bad message that blocks a queue: a mark before each trial",
  "suspect.clear": "§7.8 the trial's handler came back: the message does not kill",
  "trigger.publish": "§5 a trigger, published by a client",
  "log.chunk": "§5 output of steps, live",
  "presence.renew": "§2 Known dead: a renewal of the presence",
  "presence.end": "§2 a runner that ends takes its presence away",
  "lease.renew": "§6 several tickers may run, one leads",
} as const satisfies Record<string, string>;
export type WritePoint = keyof typeof WRITE_POINTS;

/** Messages that are acknowledged once their effects are written. */
export const ACK_POINTS = {
  "trigger.ack": "§4 Beginning: … and then the acknowledgement of the trigger",
  "resume.ack": "§4 a resume is acknowledged once the claim is won or lost",
  "advisory.ack": "§7.8 … and then the acknowledgement of the advisory",
} as const satisfies Record<string, string>;
export type AckPoint = keyof typeof ACK_POINTS;

export type FaultPoint = WritePoint | AckPoint;
