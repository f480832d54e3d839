import type { ActionError, PlanDefinition, Step } from "@jetmesh/protocol";
import { ExpressionError, holds } from "./expression.ts";
import type { TemplateValues } from "./render.ts";

/** How a step, or all that is in it, has ended. */
export interface StepEnd {
  readonly outcome: "SUCCESS" | "ERROR" | "SKIPPED";
  readonly exitCode?: number | undefined;
  readonly status?: number | undefined;
  readonly error?: ActionError | undefined;
  /** Of a group in which a step has ended the plan. */
  readonly ends?: PlanEnd | undefined;
}

export type PlanEnd =
  | { readonly outcome: "SUCCESS"; readonly exitCode?: number | undefined }
  | { readonly outcome: "ERROR"; readonly exitCode?: number | undefined; readonly error: ActionError };

export type Verdict =
  /** On to the next step; an error is one that the plan ends with, when it comes to its end. */
  { readonly is: "on"; readonly error?: ActionError } | { readonly is: "over"; readonly end: PlanEnd };

const ON: Verdict = { is: "on" };

/** What follows from the end of a step: the first rule that holds, else what the plan says of errors. */
export function judgeStep(
  step: Pick<Step, "onExit">,
  name: string,
  ended: StepEnd,
  onError: PlanDefinition["onError"],
  values: TemplateValues,
): Verdict {
  if (ended.ends !== undefined) return { is: "over", end: ended.ends };
  if (ended.outcome === "SKIPPED") return ON;
  if (step.onExit.length === 0) return byPlan(ended, onError);
  const facts = {
    ...values,
    outcome: ended.outcome,
    code: codeOf(ended),
    status: ended.status ?? null,
    error: ended.error ?? null,
  };
  for (const [index, rule] of step.onExit.entries()) {
    try {
      if (!holds(rule.when, facts)) continue;
    } catch (thrown) {
      if (!(thrown instanceof ExpressionError)) throw thrown;
      const message = `step '${name}': rule ${String(index + 1)} of onExit: ${thrown.message}`;
      return byPlan({ outcome: "ERROR", error: { code: "step_failed", message } }, onError);
    }
    switch (rule.do) {
      case "next":
        return ON;
      case "continue":
        return ended.error === undefined ? ON : { is: "on", error: ended.error };
      case "stop":
        return { is: "over", end: endAs(ended) };
      case "exit":
        return { is: "over", end: endWith(name, rule.code ?? 0) };
    }
  }
  return byPlan(ended, onError);
}

const codeOf = ({ outcome, exitCode }: StepEnd): number => exitCode ?? (outcome === "ERROR" ? 1 : 0);

function byPlan(ended: StepEnd, onError: PlanDefinition["onError"]): Verdict {
  if (ended.error === undefined) return ON;
  return onError === "continue" ? { is: "on", error: ended.error } : { is: "over", end: endAs(ended) };
}

const endAs = ({ exitCode, error }: StepEnd): PlanEnd =>
  error === undefined ? { outcome: "SUCCESS", exitCode } : { outcome: "ERROR", exitCode, error };

const endWith = (name: string, exitCode: number): PlanEnd =>
  exitCode === 0
    ? { outcome: "SUCCESS", exitCode }
    : {
        outcome: "ERROR",
        exitCode,
        error: {
          code: "step_failed",
          message: `step '${name}' ended the plan with code ${String(exitCode)}`,
        },
      };
