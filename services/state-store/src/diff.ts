import { isDeepStrictEqual } from "node:util";
import type { PathChange } from "@jetmesh/protocol";

type Path = PathChange["path"];
type Mapping = Readonly<Record<string, unknown>>;
interface Named extends Mapping {
  readonly reference: string;
}

/**
 * What differs, path by path. What has a reference is told by that and not by its place, so that an action that is new moves
 * no other; an order that differs is told as the list of references.
 */
export function diffOf(before: unknown, after: unknown, path: Path = []): PathChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isMapping(before) && isMapping(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => diffOf(before[key], after[key], [...path, key]));
  }
  if (isList(before) && isList(after)) {
    if (areNamed(before) && areNamed(after)) return diffOfNamed(before, after, path);
    if (before.every(isMapping) && after.every(isMapping))
      return Array.from({ length: Math.max(before.length, after.length) }, (_, at) =>
        diffOf(before[at], after[at], [...path, at]),
      ).flat();
  }
  return [
    {
      path,
      ...(before === undefined ? {} : { before: before as PathChange["before"] }),
      ...(after === undefined ? {} : { after: after as PathChange["after"] }),
    },
  ];
}

function diffOfNamed(before: readonly Named[], after: readonly Named[], path: Path): PathChange[] {
  const [was, is] = [before, after].map((all) => new Map(all.map((one) => [one.reference, one])));
  if (was === undefined || is === undefined) return [];
  const references = [...new Set([...was.keys(), ...is.keys()])];
  const changes = references.flatMap((one) => diffOf(was.get(one), is.get(one), [...path, one]));
  const [orderBefore, orderAfter] = [
    [...was.keys()].filter((one) => is.has(one)),
    [...is.keys()].filter((one) => was.has(one)),
  ];
  if (isDeepStrictEqual(orderBefore, orderAfter)) return changes;
  return [{ path, before: orderBefore, after: orderAfter }, ...changes];
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const areNamed = (values: readonly unknown[]): values is readonly Named[] =>
  values.every((value) => isMapping(value) && typeof value["reference"] === "string") &&
  new Set(values.map((value) => (value as Named).reference)).size === values.length;
