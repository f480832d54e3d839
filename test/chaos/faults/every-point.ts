import { FAULT_POINTS, type FaultPoint } from "@jetmesh/storage";
import { faultsOf, type ServiceName } from "@jetmesh/testkit";

/** Points that no life of an action comes by here, and where they are tested instead. */
export const ELSEWHERE: Partial<Record<FaultPoint, string>> = {
  "action.pause": "nothing asks for a pause yet",
  "action.poison": "test/integration/poison.test.ts",
  "suspect.mark": "test/integration/poison.test.ts",
  "suspect.clear": "test/integration/poison.test.ts",
  "dead.replay": "test/integration/dead-letters.test.ts",
  "dead.remove": "test/integration/dead-letters.test.ts",
  "given-up.remove": "test/integration/given-up.test.ts",
  "sweep.remove": "test/integration/swept-queues.test.ts",
  "advisory.ack": "test/integration/given-up.test.ts",
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
