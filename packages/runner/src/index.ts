export { callMethod } from "./call-method.ts";
export { RunnerConfig } from "./config.ts";
export { firstOf } from "./first-of.ts";
export { createInbox, type Inbox, type NoteAnswer, type ReceivedNote } from "./inbox.ts";
export {
  type AbortReason,
  type ActionKind,
  ClaimLostError,
  type KindAnswer,
  type KindContext,
  type ReadSecrets,
  type SecretReader,
  type Shelf,
  StepsLostError,
  type Workshop,
} from "./kinds.ts";
export type { ActionOutput } from "./output.ts";
export { type RunnerParts, startRunner } from "./start-runner.ts";
