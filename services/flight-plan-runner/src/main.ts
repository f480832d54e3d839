import { RunnerConfig, startRunner } from "@jetmesh/runner";
import { runService } from "@jetmesh/service-kit";
import { createFlightPlan } from "./flight-plan.ts";
import { leaseGroups, renewLease } from "./steps/guard.ts";

await runService({
  name: "flight-plan-runner",
  config: RunnerConfig,
  start: (context) =>
    startRunner(context, {
      kinds: [createFlightPlan(context.config.JM_GRACE_MS)],
      lease: { begin: leaseGroups, renew: renewLease },
    }),
});
