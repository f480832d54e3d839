import { z } from "zod";
import { API_VERSION, DOCUMENT_KINDS, DOCUMENT_SCHEMAS } from "./document.ts";
import { Inside, STEP_VERBS, StepShape } from "./step.ts";

type Schema = z.core.JSONSchema.JSONSchema;

/**
 * JSON Schema of a document, for editors: what `apply` takes, as people write it, made of the schemas that it takes it by. What no
 * JSON Schema can say, as a template's actions that are named twice, `apply` says.
 */
export function documentSchema(): Schema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A definition or a jet of Jetmesh",
    type: "object",
    required: ["apiVersion", "kind"],
    properties: { apiVersion: { const: API_VERSION }, kind: { enum: [...DOCUMENT_KINDS] } },
    allOf: DOCUMENT_KINDS.map((kind) => ({
      if: { properties: { kind: { const: kind } } },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: { $ref: `#/$defs/${kind}` },
    })),
    $defs: Object.fromEntries(DOCUMENT_KINDS.map((kind) => [kind, schemaOf(kind)])),
  };
}

function schemaOf(kind: (typeof DOCUMENT_KINDS)[number]): Schema {
  const { properties, ...schema } = asWritten(DOCUMENT_SCHEMAS[kind]);
  return namedOnce({ ...schema, properties: { apiVersion: { const: API_VERSION }, ...properties } });
}

/** What comes in, not what comes out: durations as text, defaults left out. */
function asWritten(schema: z.ZodType): Schema {
  const made = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      if (!(zodSchema instanceof z.ZodPipe)) return;
      const { in: first, out } = zodSchema.def;
      // Looked at by hand before its schema has its turn: a step.
      if (!(first instanceof z.ZodUnknown || first instanceof z.ZodTransform)) return;
      Object.assign(jsonSchema, asWritten(out as z.ZodType));
      if (out === StepShape || out === Inside)
        Object.assign(jsonSchema, { oneOf: STEP_VERBS.map((verb) => ({ required: [verb] })) });
    },
  });
  const { $schema: _version, ...rest } = made;
  return rest;
}

/** A reference is made of a name and a name of a reference, here and in the actions of a template: one is enough. */
function namedOnce(schema: Schema): Schema {
  const { required = [], properties = {} } = schema;
  const { actions } = properties;
  const isNamed = (one: unknown): one is Schema =>
    typeof one === "object" && one !== null && "properties" in one;
  const inside =
    typeof actions === "object" && isNamed(actions.items)
      ? { ...properties, actions: { ...actions, items: namedOnce(actions.items) } }
      : properties;
  return {
    ...schema,
    properties: inside,
    required: required.filter((key) => key !== "reference" && key !== "name"),
    anyOf: [{ required: ["reference"] }, { required: ["name"] }],
  };
}
