export { RunnerConfig } from "./config.ts";
export type { Inbox, NoteAnswer, ReceivedNote } from "./inbox.ts";
export {
  type AbortReason,
  type ActionKind,
  ClaimLostError,
  type KindAnswer,
  type KindContext,
  type Workshop,
} from "./kinds.ts";
export type { ActionOutput } from "./output.ts";
export { type RunnerParts, startRunner } from "./start-runner.ts";
