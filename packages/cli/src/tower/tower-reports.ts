import { formatPath, type PlacedFault, type SourceDocument } from "../yaml-documents.ts";

/** `fault`: not a file of that kind. `lost`: what is made of it acts otherwise. `noted`: left out, nothing acts otherwise. */
export type ReportLevel = "fault" | "lost" | "noted";
export interface TowerReport extends PlacedFault {
  readonly level: ReportLevel;
}

export type Row = Readonly<Record<string, unknown>>;

/** Where in a file something is. */
export interface Place {
  readonly at: SourceDocument;
  readonly path: readonly (string | number)[];
}
export const below = ({ at, path }: Place, ...more: (string | number)[]): Place => ({
  at,
  path: [...path, ...more],
});

export const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Their files write `false` for what is empty. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === "" ||
  (Array.isArray(value) && value.length === 0);

/** Reads values of a row, and says where one is not what it has to be. */
export interface Reader {
  readonly reports: TowerReport[];
  readonly report: (level: ReportLevel, place: Place, message: string) => void;
  text(row: Row, place: Place, key: string): string | undefined;
  number(row: Row, place: Place, key: string): number | undefined;
  oneOf<T extends string>(row: Row, place: Place, key: string, values: readonly T[]): T | undefined;
  rows(row: Row, place: Place, key: string): { readonly row: Row; readonly place: Place }[];
}

export function createReader(): Reader {
  const reports: TowerReport[] = [];
  const report: Reader["report"] = (level, { at, path }, message) =>
    void reports.push({ level, source: at.source, line: at.lineOf(path), path: formatPath(path), message });
  const typed = <T>(
    row: Row,
    place: Place,
    key: string,
    what: string,
    is: (value: unknown) => value is T,
  ) => {
    const value = row[key];
    if (isEmpty(value)) return undefined;
    if (is(value)) return value;
    report("fault", below(place, key), `must be ${what}`);
    return undefined;
  };
  return {
    reports,
    report,
    text: (row, place, key) =>
      typed(row, place, key, "a text", (value): value is string => typeof value === "string"),
    number: (row, place, key) =>
      typed(
        row,
        place,
        key,
        "a whole number, 0 or more",
        (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
      ),
    oneOf: <T extends string>(row: Row, place: Place, key: string, values: readonly T[]) =>
      typed(row, place, key, `one of ${values.join(", ")}`, (value): value is T =>
        values.includes(value as T),
      ),
    rows(row, place, key) {
      const value = row[key];
      if (isEmpty(value)) return [];
      if (!Array.isArray(value)) {
        report("fault", below(place, key), "must be a list");
        return [];
      }
      return value.flatMap((one: unknown, index) => {
        const at = below(place, key, index);
        if (isRow(one)) return [{ row: one, place: at }];
        report("fault", at, "must be a mapping");
        return [];
      });
    },
  };
}
