import { planFaults, templateFaultOf } from "@jetmesh/flight-plan";
import {
  type Definition,
  type Fault,
  type ImportRequest,
  type JetDefinition,
  parseDefinition,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";

export interface ParsedDocument {
  readonly index: number;
  readonly source: string | undefined;
  readonly definition: Definition | JetDefinition;
}

/** Every document as its definition; or one refusal that names every fault of all of them. */
export function parseDocuments(request: ImportRequest): ParsedDocument[] {
  const faults: Fault[] = [];
  const parsed: ParsedDocument[] = [];
  const seen = new Map<string, number>();
  request.documents.forEach(({ document, source }, index) => {
    const fault = (path: (string | number)[], message: string): void => {
      faults.push({ document: index, path, message, ...(source === undefined ? {} : { source }) });
    };
    const { definition, faults: own } = parseDefinition(document);
    for (const { path, message } of own) fault(path, message);
    if (definition === undefined) return;
    if (definition.kind === "Plan")
      for (const { path, message } of planFaults(definition)) fault([...path], message);
    const perFault =
      definition.kind === "Limit" && definition.per !== undefined
        ? templateFaultOf(definition.per)
        : undefined;
    if (perFault !== undefined) fault(["per"], `is a broken template: ${perFault}`);
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
