import type { JetActionDefinition, JsonObject, Variables } from "@jetmesh/protocol";
import type { TemplateValues } from "./render.ts";

/** What of an action its plan sees. */
interface ActionFacts {
  readonly id: string;
  readonly user: string;
  readonly argument: JsonObject;
  readonly variables?: Variables | undefined;
  readonly jetAction?: JetActionDefinition | undefined;
  readonly jet?: string | undefined;
  readonly template?: string | undefined;
}

/** What the templates and expressions of an action see: those of its plan's steps, and those that limit it. */
export const valuesOfAction = ({
  id,
  user,
  argument,
  variables,
  jetAction,
  jet,
  template,
}: ActionFacts): TemplateValues => ({
  ...variables,
  jet: { reference: jet ?? "", name: jet ?? "", state: jetAction?.transit ?? "" },
  template: { reference: template ?? "", name: template ?? "" },
  action: { reference: jetAction?.reference ?? "", name: jetAction?.name ?? "", id, user },
  argument,
});
