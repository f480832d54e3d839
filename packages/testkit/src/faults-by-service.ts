import type { ServiceName } from "@jetmesh/protocol";
import { ACK_POINTS, ASK_POINTS, FAULT_POINTS, type FaultPoint } from "@jetmesh/storage";

/**
 * What can go wrong at a write, and at an acknowledgement: killed before and after, stopped before and after, an
 * answer that is lost, the same thing twice, and late.
 */
export const FAULTS_OF_A_WRITE = [
  "before=crash",
  "after=crash",
  "before=pause",
  "after=pause",
  "after=lose",
  "before=twice",
  "before=delay:1500",
  "after=delay:1500",
] as const;
export const FAULTS_OF_AN_ACK = [
  "before=crash",
  "after=crash",
  "before=pause",
  "before=lose",
  "before=twice",
  "before=delay:1500",
] as const;

export const FAULTS_OF_A_REQUEST = [...FAULTS_OF_A_WRITE, "before=lose"] as const;

export const faultsOf = (point: FaultPoint): readonly string[] => {
  const kinds = Object.hasOwn(ACK_POINTS, point)
    ? FAULTS_OF_AN_ACK
    : Object.hasOwn(ASK_POINTS, point)
      ? FAULTS_OF_A_REQUEST
      : FAULTS_OF_A_WRITE;
  return kinds.map((fault) => `${point}/${fault}`);
};

/** What is written once, when a mesh is made: nobody comes by there again. */
const ONCE: ReadonlySet<FaultPoint> = new Set(["mesh.shards"]);

const pointsOf = (service: ServiceName): FaultPoint[] =>
  (Object.keys(FAULT_POINTS) as FaultPoint[]).filter(
    (point) => FAULT_POINTS[point].by.includes(service) && !ONCE.has(point),
  );

/** Every fault that a process of a service can suffer at a named point of its own. */
export const FAULTS_BY_SERVICE: Readonly<Record<ServiceName, readonly string[]>> = {
  gateway: pointsOf("gateway").flatMap(faultsOf),
  authz: pointsOf("authz").flatMap(faultsOf),
  "state-store": pointsOf("state-store").flatMap(faultsOf),
  "lifecycle-ticker": pointsOf("lifecycle-ticker").flatMap(faultsOf),
  "flight-plan-runner": pointsOf("flight-plan-runner").flatMap(faultsOf),
};
