import { RunnerConfig, startRunner } from "@jetmesh/runner";
import { runService } from "@jetmesh/service-kit";
import { createFlightPlan } from "./flight-plan.ts";
import { leaseGroups, renewLease } from "./steps/guard.ts";
import { closeConnections } from "./steps/ssh/pool.ts";

await runService({
  name: "flight-plan-runner",
  config: RunnerConfig,
  start: async (context) => {
    const runner = await startRunner(context, {
      kinds: [createFlightPlan(context.config.JM_GRACE_MS)],
      lease: { begin: leaseGroups, renew: renewLease },
    });
    return { ...runner, drain: () => runner.drain().finally(closeConnections) };
  },
});
