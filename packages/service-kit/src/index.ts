export {
  actionIdOfChild,
  actionIdOfFiring,
  actionIdOfKey,
  actionIdOfMessage,
  actionIdOfSecret,
} from "./action-id.ts";
export { askAccess, askOneAccess, mustBeAllowed, type Verdict } from "./ask-access.ts";
export { type AskedSight, askSight, type Sights } from "./ask-sight.ts";
export { BaseConfig, ConfigError, loadConfig } from "./config.ts";
export {
  askHolder,
  type HolderJudge,
  type HolderReply,
  type HolderVerdict,
  judgeHolder,
} from "./judge-holder.ts";
export { createLanes, type Lanes } from "./lanes.ts";
export { createLogger, type Logger } from "./logger.ts";
export { highest, type Members, watchMembers } from "./members.ts";
export { errorCode, type Refusal, RefusedError, refusedBy, statusOf } from "./refusal.ts";
export { runService } from "./service.ts";
export {
  type RunningService,
  type ServiceContext,
  type ServicePlan,
  type StartedService,
  startService,
} from "./start-service.ts";
export {
  guardSuspects,
  judgeSuspect,
  MOST_TRIALS,
  SUSPECT_FROM_DELIVERY,
  type SuspectGuard,
} from "./suspects.ts";
