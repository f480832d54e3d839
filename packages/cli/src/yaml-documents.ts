import type { Fault } from "@jetmesh/protocol";
import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from "yaml";

/** A text with YAML in it, and what people call it. */
export interface SourceText {
  readonly source: string;
  readonly text: string;
}

/** One document of a source, with the way back to its lines. */
export interface SourceDocument {
  readonly source: string;
  readonly document: unknown;
  lineOf(path: readonly (string | number)[], message?: string): number;
}

export interface PlacedFault {
  readonly source: string;
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

type Path = readonly (string | number)[];

/** Every document of every source, or every fault of syntax. Documents with nothing in them are passed over. */
export function readDocuments(sources: readonly SourceText[]): {
  readonly documents: readonly SourceDocument[];
  readonly faults: readonly PlacedFault[];
} {
  const documents: SourceDocument[] = [];
  const faults: PlacedFault[] = [];
  for (const { source, text } of sources) {
    const lines = new LineCounter();
    // Not a stream of documents where it is empty; then there is nothing in it either.
    const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    for (const document of parsed) {
      for (const error of document.errors) {
        const { line } = lines.linePos(error.pos[0]);
        faults.push({ source, line, path: "", message: `not YAML: ${error.message}` });
      }
      if (document.errors.length > 0 || isEmpty(document)) continue;
      documents.push({
        source,
        document: document.toJS() as unknown,
        lineOf: (path, message = "") => lines.linePos(offsetOf(document, path, message)).line,
      });
    }
  }
  return { documents, faults };
}

const isEmpty = ({ contents }: Document): boolean =>
  contents === null || (isScalar(contents) && contents.value === null);

/** Puts the mesh's faults, which name a document and a path in it, where a person finds them. */
export function placeFaults(faults: readonly Fault[], documents: readonly SourceDocument[]): PlacedFault[] {
  return faults.map(({ document, path, message, source }) => {
    const at = document === undefined ? undefined : documents[document];
    return {
      source: at?.source ?? source ?? "",
      line: at?.lineOf(path, message) ?? 0,
      path: formatPath(path),
      message,
    };
  });
}

/** `actions[2].transit` */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** `file:line path: message` */
export function formatFault({ source, line, path, message }: PlacedFault): string {
  const where = line > 0 ? `${source}:${line}` : source;
  return path === "" ? `${where}: ${message}` : `${where} ${path}: ${message}`;
}

/** Where the path's key begins; the nearest thing around it where it is not there, as a key that is missing. */
function offsetOf(document: Document, path: Path, message: string): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of [...path, ...unrecognizedKeys(message).slice(0, 1)]) {
    const found = step(node, part);
    if (found === undefined) break;
    offset = startOf(found.at) ?? offset;
    node = found.value;
  }
  return offset;
}

/** A key too many is reported at the mapping that holds it, and named in the message alone. */
const unrecognizedKeys = (message: string): string[] =>
  /^Unrecognized keys?:/i.test(message)
    ? [...message.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? "")
    : [];

function step(node: unknown, part: string | number): { at: unknown; value: unknown } | undefined {
  if (isSeq(node)) {
    const item = typeof part === "number" ? node.items[part] : undefined;
    return item === undefined ? undefined : { at: item, value: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
  return pair === undefined ? undefined : { at: pair.key, value: pair.value };
}

const startOf = (node: unknown): number | undefined => {
  if (isPair(node)) return startOf(node.key);
  return isNode(node) ? (node as Node).range?.[0] : undefined;
};
