import type { AccessCheck } from "@jetmesh/protocol";
import { expect, test } from "vitest";
import { decideAccess } from "../src/index.ts";
import { factsOf, STRANGER, WHO } from "./world.ts";

test.each([
  [undefined, false],
  ["user", false],
  ["manager", true],
  ["root", true],
] as const)("who is of level %s makes actions of kinds: %s", (level, allow) => {
  const check: AccessCheck = { operation: "run.create", user: WHO, kind: "greet" };
  expect(decideAccess(check, factsOf({ ...STRANGER, level })).allow).toBe(allow);
});
