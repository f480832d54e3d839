import { z } from "zod";
import {
  type Definition,
  JetDefinition,
  PlanDefinition,
  StateDefinition,
  TemplateDefinition,
  UserDefinition,
  VariablesDefinition,
} from "./definitions.ts";
import { LimitDefinition } from "./limit.ts";
import { ScheduleDefinition } from "./schedule.ts";

/** What a document begins with (design §10). */
export const API_VERSION = "jetmesh/v1";

/** The kinds of documents, each behind those that it may name: variables, states, users, limits, plans, templates, jets, schedules. */
export const DOCUMENT_SCHEMAS = {
  Variables: VariablesDefinition,
  State: StateDefinition,
  User: UserDefinition,
  Limit: LimitDefinition,
  Plan: PlanDefinition,
  Template: TemplateDefinition,
  Jet: JetDefinition,
  Schedule: ScheduleDefinition,
} as const;
export type DocumentKind = keyof typeof DOCUMENT_SCHEMAS;
export const DOCUMENT_KINDS = Object.keys(DOCUMENT_SCHEMAS) as DocumentKind[];

/** A definition or a jet as people write it: keys in the order of the schema, those that have their default left out. */
export type DefinitionDocument = Readonly<
  { apiVersion: typeof API_VERSION; kind: DocumentKind; reference: string } & Record<string, unknown>
>;

/** Applied again it is the same definition, and that is the same document: `export` and `apply` are each other's ends. */
export function documentOf(definition: Definition | JetDefinition): DefinitionDocument {
  const { kind, reference } = definition;
  const written = withoutDefaults(DOCUMENT_SCHEMAS[kind], definition) as Record<string, unknown>;
  return { apiVersion: API_VERSION, ...written, kind, reference };
}

/** In the order in which they are applied and exported: by kind, then by reference. */
export const compareDocuments = (
  one: Pick<DefinitionDocument, "kind" | "reference">,
  other: Pick<DefinitionDocument, "kind" | "reference">,
): number =>
  DOCUMENT_KINDS.indexOf(one.kind) - DOCUMENT_KINDS.indexOf(other.kind) ||
  (one.reference < other.reference ? -1 : one.reference > other.reference ? 1 : 0);

/** By the schema, so that a key that is new needs nothing here. What is no definition's own, as variables, stays as it is. */
function withoutDefaults(schema: unknown, value: unknown): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return withoutDefaults(schema.def.innerType, value);
  if (schema instanceof z.ZodPipe) return withoutDefaults(schema.def.out, value);
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item: unknown) => withoutDefaults(schema.element, item));
  if (!(schema instanceof z.ZodObject) || typeof value !== "object" || value === null) return value;
  const given = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(schema.shape as Readonly<Record<string, unknown>>).flatMap(([key, inner]) => {
      const one = given[key];
      if (one === undefined || (inner instanceof z.ZodDefault && isSame(one, inner.def.defaultValue)))
        return [];
      return [[key, withoutDefaults(inner, one)] as const];
    }),
  );
}

/** Of what came out of JSON, or is a default, which is written in the order of its schema. */
const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
