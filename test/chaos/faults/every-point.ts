import { FAULT_POINTS, type FaultPoint } from "@jetmesh/storage";
import { faultsOf, type ServiceName } from "@jetmesh/testkit";

/** Points that no life of an action comes by here, and where they are tested instead. */
export const ELSEWHERE: Partial<Record<FaultPoint, string>> = {
  "mesh.shards": "test/integration/agree-on-shards.test.ts",
  "mesh.backup": "test/integration/restored.test.ts",
  "kind.register": "test/integration/action-kinds.test.ts",
  "steps.keep": "test/chaos/long-workflow.test.ts",
  "steps.retire": "test/chaos/long-workflow.test.ts",
  "action.pause": "test/integration/action-commands.test.ts",
  "action.command": "test/integration/action-commands.test.ts",
  "jet.rollback": "test/integration/rollback.test.ts",
  "action.rollback": "test/integration/rollback.test.ts",
  "action.undone": "test/integration/rollback.test.ts",
  "history.rolled-back": "test/integration/rollback.test.ts",
  "identity.write": "test/integration/same-actions.test.ts",
  "action.note": "test/chaos/workflow-crash.test.ts",
  "action.poison": "test/chaos/poison.test.ts",
  "jet.update": "test/integration/jet-update-and-delete.test.ts",
  "jet.delete": "test/integration/jet-update-and-delete.test.ts",
  "jet.cancel": "test/integration/waiting-canceled.test.ts",
  "jet.undo": "test/integration/definitions-deleted.test.ts",
  "definition.mark": "test/integration/definitions-deleted.test.ts",
  "definition.delete": "test/integration/definitions-deleted.test.ts",
  "schedule.fire": "test/chaos/schedule-faults.test.ts",
  "schedule.settle": "test/chaos/schedule-faults.test.ts",
  "schedule.arm": "test/chaos/schedule-faults.test.ts",
  "schedule.disarm": "test/chaos/schedule-faults.test.ts",
  "schedule.ack": "test/chaos/schedule-faults.test.ts",
  "secret.set": "test/chaos/secret-crash.test.ts",
  "secret.delete": "test/chaos/secret-crash.test.ts",
  "secret.key": "test/chaos/secret-crash.test.ts",
  "secret.reseal": "test/integration/secrets-rotated.test.ts",
  "history.secret": "test/chaos/secret-crash.test.ts",
  "slot.take": "test/chaos/limit-crash.test.ts",
  "slot.free": "test/chaos/limit-crash.test.ts",
  "jet.fence": "test/chaos/limit-crash.test.ts",
  "hold.take": "test/chaos/required-race.test.ts",
  "hold.free": "test/chaos/required-race.test.ts",
  "limit.take": "test/chaos/limits-crash.test.ts",
  "limit.free": "test/chaos/limits-crash.test.ts",
  "action.grant": "test/chaos/limits-crash.test.ts",
  "suspect.mark": "test/chaos/poison.test.ts",
  "suspect.clear": "test/chaos/poison.test.ts",
  "dead.replay": "test/integration/dead-letters.test.ts",
  "dead.remove": "test/integration/dead-letters.test.ts",
  "given-up.remove": "test/chaos/given-up.test.ts",
  "sweep.remove": "test/chaos/swept-queues.test.ts",
  "advisory.ack": "test/chaos/given-up.test.ts",
  "reshard.record": "test/chaos/reshard-crash.test.ts",
  "reshard.seal": "test/chaos/reshard-crash.test.ts",
  "reshard.make": "test/chaos/reshard-crash.test.ts",
  "reshard.copy": "test/chaos/reshard-crash.test.ts",
  "reshard.remove": "test/chaos/reshard-crash.test.ts",
  "trigger.publish": "a client's own write; the storm makes some of them twice",
};

export interface FaultCase {
  readonly owner: ServiceName;
  readonly fault: string;
}

/** Each fault at each point of a service, at its first occurrence; of presence and lease the second, for the first is the start. */
export function casesOf(service: ServiceName): FaultCase[] {
  return (Object.keys(FAULT_POINTS) as FaultPoint[])
    .filter((point) => FAULT_POINTS[point].by.includes(service))
    .filter((point) => !Object.hasOwn(ELSEWHERE, point))
    .flatMap((point) => {
      const nth = point === "presence.renew" || point === "lease.renew" ? "@2" : "@1";
      return faultsOf(point).map((fault) => ({ owner: service, fault: fault + nth }));
    });
}
