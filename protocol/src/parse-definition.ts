import type { Definition, JetDefinition } from "./definitions.ts";
import { API_VERSION, DOCUMENT_KINDS, DOCUMENT_SCHEMAS, type DocumentKind } from "./document.ts";
import { referenceFromName } from "./ids.ts";

const isKind = (kind: unknown): kind is DocumentKind =>
  typeof kind === "string" && Object.hasOwn(DOCUMENT_SCHEMAS, kind);

export interface DocumentFault {
  readonly path: (string | number)[];
  readonly message: string;
}

/** One document as its definition, and every fault of it; both where only its version is wrong. */
export interface ParsedDefinition {
  readonly definition?: Definition | JetDefinition;
  readonly faults: readonly DocumentFault[];
}

/** Reads a document as `apply` does, so that who has no mesh at hand finds the same faults. */
export function parseDefinition(document: unknown): ParsedDefinition {
  if (typeof document !== "object" || document === null || Array.isArray(document))
    return { faults: [{ path: [], message: "a document is a mapping" }] };
  const { apiVersion, ...rest } = document as Record<string, unknown>;
  const faults: DocumentFault[] =
    apiVersion === API_VERSION ? [] : [{ path: ["apiVersion"], message: `must be ${API_VERSION}` }];
  const { kind } = rest as { kind?: unknown };
  if (!isKind(kind)) {
    const message = `must be one of ${DOCUMENT_KINDS.join(", ")}`;
    return { faults: [...faults, { path: ["kind"], message }] };
  }
  const result = DOCUMENT_SCHEMAS[kind].safeParse(named(rest));
  if (result.success) return { definition: result.data, faults };
  const found = result.error.issues.map(({ path, message }) => ({
    path: path.map((part) => (typeof part === "symbol" ? String(part) : part)),
    message,
  }));
  return { faults: [...faults, ...found] };
}

/** Fills in the reference from the name, or the name from the reference, here and in the actions of a template. */
function named(document: Record<string, unknown>): Record<string, unknown> {
  const { name, reference, actions } = document;
  const filled = { ...document };
  if (reference === undefined && typeof name === "string") filled["reference"] = referenceFromName(name);
  if (name === undefined && typeof reference === "string") filled["name"] = reference;
  if (Array.isArray(actions)) {
    filled["actions"] = actions.map((action: unknown) =>
      typeof action === "object" && action !== null && !Array.isArray(action)
        ? named(action as Record<string, unknown>)
        : action,
    );
  }
  return filled;
}
