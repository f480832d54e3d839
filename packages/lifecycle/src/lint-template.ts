import type { JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";
import { createAction } from "./template-actions.ts";

/**
 * What a template can be told to be wrong about itself, though each part of it is well formed. Only what follows from
 * the definitions alone: a finding is true of every jet of the template, whatever its plans do.
 */
export const LINT_CODES = {
  no_create: "no action makes a jet",
  no_destroy: "no action destroys a jet",
  unreachable_state: "a state that no jet is ever in",
  dead_end: "a state that no action leaves, not said to be an end",
  error_without_way_out: "an error state that no action leaves",
  action_never_begins: "an action that begins in a state that no jet is ever in",
  requirement_never_met: "a required state that no jet of the required template is ever in",
  missing_plan: "a plan that is not among the documents",
  missing_state: "a state that is not among the documents",
  missing_template: "a required template that is not among the documents",
} as const;
export type LintCode = keyof typeof LINT_CODES;

export interface LintFinding {
  readonly code: LintCode;
  /** Where in the template's document. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What else is known: what is left out is not looked for. */
export interface LintScope {
  readonly plans?: ReadonlySet<string>;
  readonly states?: ReadonlySet<string>;
  readonly templates?: ReadonlyMap<string, TemplateDefinition>;
  /** States that are meant to be ends. */
  readonly ends?: ReadonlySet<string>;
}

/** Everything that is wrong with a template, in the order of its document. */
export function lintTemplate(template: TemplateDefinition, scope: LintScope = {}): LintFinding[] {
  return [
    ...lintBorders(template),
    ...lintStates(template, scope.ends ?? new Set()),
    ...lintRequirements(template, scope.templates),
    ...lintReferences(template, scope),
  ];
}

function lintBorders(template: TemplateDefinition): LintFinding[] {
  const findings: LintFinding[] = [];
  const path = ["actions"];
  if (createAction(template) === undefined)
    findings.push({
      code: "no_create",
      path,
      message: "no action makes a jet: one without `from`, and with `to`",
    });
  if (template.actions.every(({ to }) => to !== undefined))
    findings.push({ code: "no_destroy", path, message: "no action destroys a jet: one without `to`" });
  return findings;
}

/** The states that a jet can rest in, from its creation on: where its actions lead, and where they lead when they fail. */
export function reachableStates(template: TemplateDefinition): ReadonlySet<string> {
  const reached = new Set<string>();
  for (let before = -1; before < reached.size; ) {
    before = reached.size;
    for (const action of template.actions) {
      if (!isBegun(action, reached)) continue;
      for (const state of [action.to, action.error]) if (state !== undefined) reached.add(state);
    }
  }
  return reached;
}

const isBegun = ({ from }: JetActionDefinition, reached: ReadonlySet<string>): boolean =>
  from === undefined || reached.has(from);

/** Whether an action leads out of a state: one that leads back into it does not. */
const isLeft = ({ actions }: TemplateDefinition, state: string): boolean =>
  actions.some(({ from, to }) => from === state && to !== state);

const EDGES = ["from", "to", "error"] as const;

function lintStates(template: TemplateDefinition, ends: ReadonlySet<string>): LintFinding[] {
  const findings: LintFinding[] = [];
  const reached = reachableStates(template);
  // Where nothing begins, everything follows from that.
  const nothingBegins = template.actions.every(({ from }) => from !== undefined);
  const isPassed = new Set(template.actions.map(({ transit }) => transit));
  const targets = new Set(template.actions.map(({ to }) => to));
  const seen = new Set<string>();
  template.actions.forEach((action, index) => {
    for (const edge of EDGES) {
      const state = action[edge];
      if (state === undefined || seen.has(state) || nothingBegins) continue;
      seen.add(state);
      const path = ["actions", index, edge];
      if (!reached.has(state)) {
        const passed = isPassed.has(state) ? "; an action only passes through it" : "";
        const message = `no jet is ever in '${state}': no action that can begin leads to it${passed}`;
        findings.push({ code: "unreachable_state", path, message });
      } else if (!isLeft(template, state) && !ends.has(state)) {
        findings.push(
          targets.has(state)
            ? { code: "dead_end", path, message: `no action leaves '${state}'` }
            : { code: "error_without_way_out", path, message: `no action leaves the error state '${state}'` },
        );
      }
    }
    if (!isBegun(action, reached) && !nothingBegins) {
      const message = `'${action.reference}' can never begin: no jet is ever in '${action.from ?? ""}'`;
      findings.push({ code: "action_never_begins", path: ["actions", index], message });
    }
  });
  return findings;
}

function lintRequirements(template: TemplateDefinition, templates: LintScope["templates"]): LintFinding[] {
  return template.requires.flatMap(({ template: reference, state }, index): LintFinding[] => {
    const required = templates?.get(reference);
    if (required === undefined || reachableStates(required).has(state)) return [];
    const message = `no jet of template '${reference}' is ever in '${state}'`;
    return [{ code: "requirement_never_met", path: ["requires", index, "state"], message }];
  });
}

function lintReferences(
  template: TemplateDefinition,
  { plans, states, templates }: LintScope,
): LintFinding[] {
  const findings: LintFinding[] = [];
  const missing = (code: LintCode, path: (string | number)[], what: string, reference: string): void =>
    void findings.push({ code, path, message: `there is no ${what} '${reference}' in the documents` });
  const lookForState = (path: (string | number)[], state: string | undefined): void => {
    if (state !== undefined && states?.has(state) === false) missing("missing_state", path, "state", state);
  };
  template.requires.forEach(({ template: reference, state }, index) => {
    if (templates?.has(reference) === false)
      missing("missing_template", ["requires", index, "template"], "template", reference);
    lookForState(["requires", index, "state"], state);
  });
  template.actions.forEach((action, index) => {
    for (const edge of [...EDGES, "transit"] as const) lookForState(["actions", index, edge], action[edge]);
    if (action.plan !== undefined && plans?.has(action.plan) === false)
      missing("missing_plan", ["actions", index, "plan"], "plan", action.plan);
  });
  return findings;
}
