import type { JsonObject, Step } from "@jetmesh/protocol";
import { ExpressionError, holds } from "./expression.ts";
import { type PlanNode, type StepNode, stepsOf } from "./plan-tree.ts";
import { createRender, TemplateError, type TemplateValues } from "./render.ts";
import { renderDeep } from "./render-deep.ts";
import { allScopes } from "./scopes.ts";
import { secretNamesOf, withSecrets } from "./secrets.ts";

/** What a step would be given, as far as that can be told before anything has run. */
export interface RenderedStep {
  readonly step: string;
  readonly does: StepNode["verb"];
  /** What it is given, rendered; strings that cannot be told yet as they are written. */
  readonly with: JsonObject;
  /** What cannot be told yet, and why. */
  readonly open: readonly string[];
}

export interface PreviewedStep extends RenderedStep {
  /** Whether it would run; left out where its condition asks for what only a run brings. */
  readonly runs?: boolean;
}

/** Runs nothing and asks nobody: what follows from the plan and the values alone. */
export function previewPlan(tree: PlanNode, values: TemplateValues): PreviewedStep[] {
  const scopes = allScopes(tree, [], values);
  return stepsOf(tree)
    .filter(({ verb, calls }) => verb !== "parallel" && calls === undefined)
    .map((node) => previewStep(node, scopes.get(node.path) ?? values));
}

function previewStep(node: StepNode, values: TemplateValues): PreviewedStep {
  const why: string[] = [];
  const runs = runsBy(node.step, values, why);
  const rendered = renderStep(node, values);
  return {
    ...rendered,
    ...(runs === undefined ? {} : { runs }),
    open: [...why, ...rendered.open],
  };
}

export function renderStep({ path, verb, step }: StepNode, values: TemplateValues): RenderedStep {
  const open: string[] = [];
  const render = createRender(withSecrets(values, hidden(step)));
  const given = renderDeep(
    (where, template) => {
      try {
        return render(where, template);
      } catch (thrown) {
        if (!(thrown instanceof TemplateError)) throw thrown;
        open.push(thrown.message);
        return template;
      }
    },
    verb,
    shownOf(step, verb),
  );
  return { step: path, does: verb, with: given, open };
}

/** What secrets are is not told: that there are any is all that is shown. */
const hidden = (step: Step): Record<string, string> =>
  Object.fromEntries(secretNamesOf(step).map((name) => [name, "***"]));

function runsBy({ when }: Step, values: TemplateValues, open: string[]): boolean | undefined {
  if (when === undefined) return true;
  try {
    return holds(when, values);
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown;
    open.push(`when: ${thrown.message}`);
    return undefined;
  }
}

/** What its key holds, and where and with what a command runs. */
function shownOf(step: Step, verb: StepNode["verb"]): JsonObject {
  const { cwd, env } = step;
  return {
    [verb]: step[verb] as JsonObject[string],
    ...(cwd === undefined ? {} : { cwd }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
  };
}
