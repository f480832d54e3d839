import { type LintCode, type LintScope, lintTemplate } from "@jetmesh/lifecycle";
import { type Definition, parseDefinition, type TemplateDefinition } from "@jetmesh/protocol";
import { formatPath, type PlacedFault, type SourceDocument } from "./yaml-documents.ts";

export interface PlacedFinding extends PlacedFault {
  readonly code: LintCode | "invalid";
  readonly template: string;
}

export interface LintOptions {
  /** Also plans, states and templates that are not among the documents, as where these are all that there is. */
  readonly isWhole: boolean;
  readonly ends?: readonly string[];
}

/** Lints every template among the documents, without a mesh; what is no definition is a finding as well. */
export function lintDocuments(
  documents: readonly SourceDocument[],
  { isWhole, ends = [] }: LintOptions,
): PlacedFinding[] {
  const findings: PlacedFinding[] = [];
  const templates: { readonly at: SourceDocument; readonly definition: TemplateDefinition }[] = [];
  const named: Record<Definition["kind"], Set<string>> = {
    Variables: new Set(),
    State: new Set(),
    User: new Set(),
    Template: new Set(),
    Plan: new Set(),
    Schedule: new Set(),
    Limit: new Set(),
  };
  const add = (
    at: SourceDocument,
    {
      code,
      template,
      path,
      message,
    }: Pick<PlacedFinding, "code" | "template" | "message"> & {
      path: readonly (string | number)[];
    },
  ): void => {
    const { source } = at;
    findings.push({
      source,
      line: at.lineOf(path, message),
      path: formatPath(path),
      code,
      template,
      message,
    });
  };
  for (const at of documents) {
    const { definition, faults } = parseDefinition(at.document);
    for (const { path, message } of faults) add(at, { code: "invalid", template: "", path, message });
    if (definition === undefined || definition.kind === "Jet") continue;
    named[definition.kind].add(definition.reference);
    if (definition.kind === "Template") templates.push({ at, definition });
  }
  const scope: LintScope = {
    templates: new Map(templates.map(({ definition }) => [definition.reference, definition])),
    plans: named.Plan,
    states: named.State,
    ends: new Set(ends),
  };
  for (const { at, definition } of templates) {
    const found = lintTemplate(definition, scope).filter(
      ({ code }) => isWhole || !code.startsWith("missing_"),
    );
    for (const finding of found) add(at, { ...finding, template: definition.reference });
  }
  return findings;
}
