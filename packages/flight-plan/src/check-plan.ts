import type { JsonObject, PlanDefinition, Step } from "@jetmesh/protocol";
import { faultOf, namesSecrets } from "./expression.ts";
import { templateFaultOf } from "./render.ts";
import { secretsFaultOf } from "./secrets.ts";

type Json = JsonObject[string] | undefined;
type Path = readonly (string | number)[];

export interface PlanFault {
  readonly path: Path;
  readonly message: string;
}

/** What no schema sees: expressions that are none, and templates that are broken. Found when a plan is applied. */
export function planFaults(plan: PlanDefinition): PlanFault[] {
  return (["steps", "finally"] as const).flatMap((list) =>
    plan[list].flatMap((step, index) => stepFaults(step, [list, index])),
  );
}

function stepFaults(step: Step, path: Path): PlanFault[] {
  const { when, onExit, capture, parallel = [], ...does } = step;
  const expressions: [Path, string | undefined][] = [
    [["when"], when],
    ...onExit.map((rule, index): [Path, string] => [["onExit", index, "when"], rule.when]),
    ...Object.entries(capture).map(([name, text]): [Path, string] => [["capture", name], text]),
  ];
  return [
    ...expressions.flatMap(([at, text]) => {
      const fault = text === undefined ? undefined : faultOf(text);
      if (fault !== undefined) return [{ path: [...path, ...at], message: `is no expression: ${fault}` }];
      if (text === undefined || !namesSecrets(text)) return [];
      return [{ path: [...path, ...at], message: "cannot see secrets: what it comes to is kept" }];
    }),
    ...templates(does as JsonObject, path, []),
    ...parallel.flatMap((one, index) => stepFaults(one as Step, [...path, "parallel", index])),
  ];
}

/** `within`: where a string is in its step. */
function templates(value: Json, path: Path, within: Path): PlanFault[] {
  if (typeof value === "string") {
    const fault = templateFaultOf(value);
    if (fault !== undefined) return [{ path, message: `is a broken template: ${fault}` }];
    const misuse = secretsFaultOf(value, within);
    return misuse === undefined ? [] : [{ path, message: misuse }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const place = Array.isArray(value) ? Number(key) : key;
    return templates(each, [...path, place], [...within, place]);
  });
}
