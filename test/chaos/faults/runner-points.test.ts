import { afterAll, beforeAll, describe, test } from "vitest";
import { casesOf } from "./every-point.ts";
import { type FaultedMesh, startFaultedMesh } from "./faulted-mesh.ts";

let mesh: FaultedMesh;
beforeAll(async () => (mesh = await startFaultedMesh()), 60_000);
afterAll(() => mesh.stop());

describe("at each point of a runner and a ticker alone, whatever goes wrong there, the invariants hold", () => {
  test.each([...casesOf("flight-plan-runner"), ...casesOf("lifecycle-ticker")])(
    "$fault in $owner",
    ({ owner, fault }) => mesh.suffer(owner, [fault]),
  );
});
