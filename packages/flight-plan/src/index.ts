export { valuesOfAction } from "./action-values.ts";
export { type Advance, advance, type Deadline, type OpenStep } from "./advance.ts";
export { type PlanFault, planFaults } from "./check-plan.ts";
export { type Assumed, type DryStep, dryRun } from "./dry-run.ts";
export { ExpressionError, evaluate } from "./expression.ts";
export type { PlanEnd } from "./judge-step.ts";
export {
  calledBy,
  isWaiting,
  type PlanNode,
  plansCalledBy,
  planTree,
  type StepNode,
  stepsOf,
} from "./plan-tree.ts";
export { type PreviewedStep, previewPlan } from "./preview-plan.ts";
export { createRender, type Render, TemplateError, type TemplateValues, templateFaultOf } from "./render.ts";
export { renderDeep } from "./render-deep.ts";
export { allScopes } from "./scopes.ts";
export { type Secrets, secretNamesOf, withSecrets } from "./secrets.ts";
