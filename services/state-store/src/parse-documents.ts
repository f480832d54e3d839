import {
  type Definition,
  type Fault,
  type ImportRequest,
  JetDefinition,
  PlanDefinition,
  referenceFromName,
  StateDefinition,
  TemplateDefinition,
  UserDefinition,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";

export interface ParsedDocument {
  readonly index: number;
  readonly source: string | undefined;
  readonly definition: Definition | JetDefinition;
}

const SCHEMAS = {
  State: StateDefinition,
  User: UserDefinition,
  Template: TemplateDefinition,
  Plan: PlanDefinition,
  Jet: JetDefinition,
} as const;
type Kind = keyof typeof SCHEMAS;
const isKind = (kind: unknown): kind is Kind => typeof kind === "string" && Object.hasOwn(SCHEMAS, kind);

export const API_VERSION = "jetmesh/v1";

/** Every document as its definition; or one refusal that names every fault of all of them. */
export function parseDocuments(request: ImportRequest): ParsedDocument[] {
  const faults: Fault[] = [];
  const parsed: ParsedDocument[] = [];
  const seen = new Map<string, number>();
  request.documents.forEach(({ document, source }, index) => {
    const fault = (path: (string | number)[], message: string): void => {
      faults.push({ document: index, path, message, ...(source === undefined ? {} : { source }) });
    };
    if (typeof document !== "object" || document === null || Array.isArray(document))
      return fault([], "a document is a mapping");
    const { apiVersion, ...rest } = document as Record<string, unknown>;
    if (apiVersion !== API_VERSION) fault(["apiVersion"], `must be ${API_VERSION}`);
    const { kind } = rest as { kind?: unknown };
    if (!isKind(kind)) return fault(["kind"], `must be one of ${Object.keys(SCHEMAS).join(", ")}`);
    const result = SCHEMAS[kind].safeParse(named(rest));
    if (!result.success) {
      for (const issue of result.error.issues)
        fault(
          issue.path.map((part) => (typeof part === "symbol" ? String(part) : part)),
          issue.message,
        );
      return;
    }
    const definition = result.data;
    const key = `${definition.kind}.${definition.reference}`;
    const before = seen.get(key);
    if (before !== undefined)
      fault(
        ["reference"],
        `${definition.kind} '${definition.reference}' is there twice, first as document ${String(before + 1)}`,
      );
    seen.set(key, index);
    parsed.push({ index, source, definition });
  });
  if (faults.length > 0) throw refuseFaults(faults);
  return parsed;
}

/** One refusal for all faults; of very many the first, for an answer has its limits. */
export function refuseFaults(faults: readonly Fault[]): RefusedError {
  const [first] = faults;
  const place = first?.source ?? `document ${String((first?.document ?? 0) + 1)}`;
  const count = `${String(faults.length)} ${faults.length === 1 ? "fault" : "faults"}`;
  const message = `${count}; the first: ${place} ${first?.path.join(".") ?? ""}: ${first?.message ?? ""}`;
  return new RefusedError("invalid_request", message, { faults: faults.slice(0, MOST_FAULTS) });
}

const MOST_FAULTS = 200;

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
