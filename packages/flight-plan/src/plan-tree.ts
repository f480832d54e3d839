import {
  type PlanDefinition,
  placeOf,
  type Step,
  type StepVerb,
  stepReference,
  verbOf,
} from "@jetmesh/protocol";

/** A step of a plan as it is to be run: its own name behind those of the steps that it is in. */
export interface StepNode {
  /** `backup/dump`: how the journal names it. */
  readonly path: string;
  /** As the other steps of its plan name it. */
  readonly reference: string;
  readonly step: Step;
  readonly verb: StepVerb;
  /** Of a group: what runs at once. */
  readonly branches: readonly StepNode[];
  /** Of a call: the plan that it calls. */
  readonly calls: PlanNode | undefined;
  /** Of a call: the plans in it, itself included, that run once at a time. */
  readonly alone: readonly string[];
}

export interface PlanNode {
  /** Empty for the plan of the action, else that of the step that calls it. */
  readonly path: string;
  readonly plan: PlanDefinition;
  readonly steps: readonly StepNode[];
  readonly last: readonly StepNode[];
}

/** A chain of plans that call each other is this long at most. */
export const MAX_DEPTH = 20;

/** The plan of an action with all that it calls. Throws where one is missing, or calls itself. */
export function planTree(
  plan: PlanDefinition,
  plans: Readonly<Record<string, PlanDefinition>> = {},
): PlanNode {
  return planNode(plan, plans, "", [plan.reference]);
}

function planNode(
  plan: PlanDefinition,
  plans: Readonly<Record<string, PlanDefinition>>,
  path: string,
  callers: readonly string[],
): PlanNode {
  if (callers.length > MAX_DEPTH)
    throw new Error(`plans call each other more than ${String(MAX_DEPTH)} deep`);
  const node = (step: Step, index: number, inside: string): StepNode => {
    const reference = stepReference(step, index);
    const own = inside === "" ? reference : `${inside}/${reference}`;
    const calls = step.plan === undefined ? undefined : called(step.plan.reference, own);
    return {
      path: own,
      reference,
      step,
      verb: verbOf(step),
      branches: (step.parallel ?? []).map((one, at) => node(one as Step, at, own)),
      calls,
      alone: calls === undefined ? [] : aloneIn(calls),
    };
  };
  const called = (reference: string, own: string): PlanNode => {
    if (callers.includes(reference)) throw new Error(`plan '${reference}' calls itself`);
    const found = plans[reference];
    if (found === undefined) throw new Error(`there is no plan '${reference}'`);
    return planNode(found, plans, own, [...callers, reference]);
  };
  const listed = (list: "steps" | "finally"): StepNode[] =>
    plan[list].map((step, index) => node(step, placeOf(plan, list, index), path));
  return { path, plan, steps: listed("steps"), last: listed("finally") };
}

function aloneIn({ plan, steps, last }: PlanNode): string[] {
  const inside = [...steps, ...last]
    .flatMap((node) => [node, ...node.branches])
    .flatMap(({ alone }) => alone);
  return [...new Set([...(plan.parallel ? [] : [plan.reference]), ...inside])];
}

/** The plans that one calls, by name. Asked for each action that is made, and hardly ever has an answer. */
export function calledBy({ steps, finally: last }: PlanDefinition): string[] {
  const called: string[] = [];
  const add = ({ plan }: { readonly plan?: Step["plan"] }): void => {
    if (plan !== undefined) called.push(plan.reference);
  };
  for (const list of [steps, last])
    for (const step of list) {
      add(step);
      step.parallel?.forEach(add);
    }
  return called;
}

/**
 * The plans that one calls, and those that these call, each read once; or the first that is missing. What `read` throws goes
 * on.
 */
export async function plansCalledBy(
  plan: PlanDefinition,
  read: (reference: string) => Promise<PlanDefinition | undefined>,
): Promise<{ readonly plans: Readonly<Record<string, PlanDefinition>> } | { readonly missing: string }> {
  const plans: Record<string, PlanDefinition> = {};
  const wanted = calledBy(plan);
  for (let reference = wanted.pop(); reference !== undefined; reference = wanted.pop()) {
    if (Object.hasOwn(plans, reference)) continue;
    const found = await read(reference);
    if (found === undefined) return { missing: reference };
    plans[reference] = found;
    wanted.push(...calledBy(found));
  }
  return { plans };
}

/** Whether a step runs nothing, so that its plan holds no runner meanwhile. */
export const isWaiting = ({ verb }: Pick<StepNode, "verb">): boolean =>
  !["shell", "ssh", "http", "file"].includes(verb);

/** All steps of a plan, those of its groups and of the plans that it calls included. */
export const stepsOf = ({ steps, last }: PlanNode): StepNode[] =>
  [...steps, ...last]
    .flatMap((node) => [node, ...node.branches])
    .flatMap((node) => [node, ...(node.calls === undefined ? [] : stepsOf(node.calls))]);
