export { actionIdOfChild, actionIdOfKey, actionIdOfMessage } from "./action-id.ts";
export { askAccess, askOneAccess, mustBeAllowed, type Verdict } from "./ask-access.ts";
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
export { errorCode, type Refusal, RefusedError, refusedBy, statusOf } from "./refusal.ts";
export { type RunningService, runService, type ServiceContext, type ServicePlan } from "./service.ts";
export {
  guardSuspects,
  judgeSuspect,
  MOST_TRIALS,
  SUSPECT_FROM_DELIVERY,
  type SuspectGuard,
} from "./suspects.ts";
