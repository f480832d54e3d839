export type { ActionContext } from "./context.ts";
export {
  type ActionOptions,
  type DefinedAction,
  defineAction,
  type Repeats,
  type Time,
} from "./define-action.ts";
export {
  type Failure,
  failure,
  type InProgress,
  inProgress,
  type MainOutcome,
  type Paused,
  paused,
  type Sleeping,
  type Success,
  sleeping,
  success,
  type WatcherOutcome,
} from "./outcomes.ts";
export { type Runner, type RunnerOptions, runRunner, startRunner } from "./start-runner.ts";
export { createTestKit, type TestCall, type TestKit, type TestKitOptions } from "./test-kit/test-kit.ts";
export { defineWorkflow, type WorkflowOptions } from "./workflow/define-workflow.ts";
export { StepError } from "./workflow/step-error.ts";
export type {
  ActionStepOptions,
  CallOptions,
  StepPromise,
  WorkflowContext,
} from "./workflow/workflow-context.ts";
