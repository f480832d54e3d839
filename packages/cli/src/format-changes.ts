import type { ImportReply, PathChange } from "@jetmesh/protocol";
import { formatPath } from "./yaml-documents.ts";

/** What a dry run would change, for a person: a line for each document, and below it a line for each thing that differs. */
export function formatChanges({ items }: ImportReply): string[] {
  const changed = items.filter(({ change }) => change !== "unchanged");
  const lines = changed.flatMap(({ kind, reference, change, changes = [], isCut }) => [
    `${change === "created" ? "+" : "~"} ${kind} ${reference} would be ${change}`,
    ...changes.map(formatChange),
    ...(isCut === true ? ["    … and more"] : []),
  ]);
  const same = items.length - changed.length;
  const rest =
    same === 0 ? [] : [`${String(same)} ${same === 1 ? "document" : "documents"} would not change`];
  return [...lines, ...rest];
}

function formatChange({ path, before, after }: PathChange): string {
  const at = formatPath(path);
  if (before === undefined) return `    + ${at}: ${formatValue(after)}`;
  if (after === undefined) return `    - ${at}: ${formatValue(before)}`;
  return `    ~ ${at}: ${formatValue(before)} -> ${formatValue(after)}`;
}

/** A line is for reading; `--json` has all of it. */
const MOST = 120;

function formatValue(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
