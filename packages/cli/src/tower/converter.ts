import type { ModelName } from "./models.ts";
import type { Place, Reader, Row } from "./tower-reports.ts";

export type OurKind = "State" | "Plan" | "Template";
/** A document of ours, ready to be written or applied. */
export type OurDocument = Readonly<Record<string, unknown>>;

/** What the parts of a conversion share. */
export interface Converter extends Reader {
  /** Looks at every key of a row: one that is not known is a fault, one without a counterpart is told. */
  check(model: ModelName, row: Row, place: Place): void;
  /** What `*_id` names; a mapping with more than its reference is a record of its own, which is converted as well. */
  refer(
    row: Row,
    place: Place,
    key: string,
    model: "jet_state" | "plan" | "jet_template",
  ): string | undefined;
  /** A command by its reference, wherever it is. */
  command(row: Row, place: Place): { readonly row: Row; readonly place: Place } | undefined;
  add(kind: OurKind, document: OurDocument, place: Place): void;
}

export const levelOf = (converter: Reader, row: Row, place: Place): string | undefined =>
  converter.oneOf(row, place, "access_level", ["user", "manager", "root"]);

/** What every record has: its reference, its name and its note. */
export function describe(
  converter: Reader,
  row: Row,
  place: Place,
): { reference: string; name: string; note?: string } {
  const reference = converter.text(row, place, "reference") ?? "";
  const note = converter.text(row, place, "note");
  return {
    reference,
    name: converter.text(row, place, "name") ?? reference,
    ...(note === undefined ? {} : { note }),
  };
}
