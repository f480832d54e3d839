import { isDeepStrictEqual } from "node:util";
import { API_VERSION, parseDefinition } from "@jetmesh/protocol";
import type { SourceDocument } from "../yaml-documents.ts";
import { convertPlan } from "./convert-plan.ts";
import { convertTemplate } from "./convert-template.ts";
import { type Converter, describe, levelOf, type OurDocument, type OurKind } from "./converter.ts";
import { COLORS, MODELS, type Model, RECORDS, type RecordModel, SHIPPED_STATES } from "./models.ts";
import {
  below,
  createReader,
  isEmpty,
  isRow,
  type Place,
  type Reader,
  type Row,
  type TowerReport,
} from "./tower-reports.ts";

export interface Conversion {
  /** States, then plans, then templates. */
  readonly documents: readonly OurDocument[];
  /** In the order of the files. */
  readonly reports: readonly TowerReport[];
}

const VERSION_KEY = "cetmix_tower_yaml_version";
const MODEL_KEY = "cetmix_tower_model";

/** Files of version 1 as our documents; whatever has no counterpart is told with its place (docs/cli.md). */
export function convertTower(sources: readonly SourceDocument[]): Conversion {
  const made = new Map<
    string,
    { readonly kind: OurKind; readonly document: OurDocument; readonly place: Place }
  >();
  const named: { readonly kind: OurKind; readonly reference: string; readonly place: Place }[] = [];
  const commands = new Map<string, { readonly row: Row; readonly place: Place }>();
  const reader = createReader();
  const { report } = reader;

  const converter: Converter = {
    ...reader,
    check(model, row, place) {
      const { used, lost, noted }: Model = MODELS[model];
      for (const [key, value] of Object.entries(row)) {
        if (used.includes(key) || key === MODEL_KEY) continue;
        const why = lost[key] ?? noted[key];
        if (why === undefined) report("fault", below(place, key), `'${key}' is no key of a ${model}`);
        else if (!isEmpty(value)) report(lost[key] === undefined ? "noted" : "lost", below(place, key), why);
      }
    },
    refer(row, place, key, model) {
      const value = row[key];
      if (isEmpty(value)) return undefined;
      const at = below(place, key);
      const reference = isRow(value) ? value["reference"] : value;
      if (typeof reference !== "string" || reference === "") {
        report("fault", at, "must be a reference, a mapping with one, or false");
        return undefined;
      }
      if (isRow(value) && Object.keys(value).length > 1) convertRecord(model, value, at);
      named.push({ kind: KINDS[model], reference, place: at });
      return reference;
    },
    command(row, place) {
      const value = row["command_id"];
      const at = below(place, "command_id");
      if (isRow(value) && Object.keys(value).length > 1) return { row: value, place: at };
      const reference = isRow(value) ? value["reference"] : value;
      if (typeof reference === "string") return commands.get(reference);
      report("fault", at, "must be a reference, or a mapping with one");
      return undefined;
    },
    add(kind, document, place) {
      const whole = { apiVersion: API_VERSION, kind, ...document };
      const key = `${kind}.${String(document["reference"])}`;
      const before = made.get(key);
      if (before === undefined) made.set(key, { kind, document: whole, place });
      else if (!isDeepStrictEqual(before.document, whole))
        report("fault", place, `${kind} '${String(document["reference"])}' is there twice, and not the same`);
    },
  };

  const convertRecord = (model: RecordModel, row: Row, place: Place): void => {
    if (typeof row["reference"] !== "string" || row["reference"] === "")
      return report("fault", below(place, "reference"), "must be a reference");
    if (model === "jet_state") convertState(converter, row, place);
    else if (model === "plan") convertPlan(converter, row, place);
    else if (model === "jet_template") convertTemplate(converter, row, place);
  };

  const records = sources.flatMap((at) => readRecords(reader, at));
  for (const { model, row, place } of records) {
    if (model === "command" && typeof row["reference"] === "string")
      commands.set(row["reference"], { row, place });
  }
  for (const { model, row, place } of records) convertRecord(model, row, place);
  settleStates();
  settlePlans();
  for (const { document, place } of made.values()) {
    for (const { path, message } of parseDefinition(document).faults)
      report(
        "fault",
        place,
        `${String(document["kind"])} '${String(document["reference"])}' ${path.join(".")}: ${message}`,
      );
  }
  const order: readonly OurKind[] = ["State", "Plan", "Template"];
  return {
    documents: order.flatMap((kind) =>
      [...made.values()].flatMap((one) => (one.kind === kind ? [one.document] : [])),
    ),
    reports: reader.reports,
  };

  /** States that their installations have by themselves come along; others have to be in the mesh. */
  function settleStates(): void {
    for (const { kind, reference, place } of named) {
      if (made.has(`${kind}.${reference}`) || kind === "Plan") continue;
      const shipped = kind === "State" ? SHIPPED_STATES[reference] : undefined;
      if (shipped === undefined) {
        report("noted", place, `${kind} '${reference}' is not in the files: it has to be in the mesh`);
        continue;
      }
      const [sequence, color] = shipped;
      const name = `${reference.slice(0, 1).toUpperCase()}${reference.slice(1)}`;
      converter.add("State", { reference, name, sequence, color: COLORS[color] }, place);
    }
  }

  /** A plan with nothing left of it is none: its actions go straight to where they lead. */
  function settlePlans(): void {
    for (const { kind, reference, place } of named) {
      if (kind !== "Plan") continue;
      const plan = made.get(`Plan.${reference}`);
      if (plan === undefined)
        report("noted", place, `Plan '${reference}' is not in the files: it has to be in the mesh`);
      else if ((plan.document["steps"] as readonly unknown[]).length === 0)
        report("lost", place, `nothing of plan '${reference}' could be converted: the action runs none`);
    }
    const empty = new Set<unknown>();
    for (const [key, { kind, document }] of made) {
      if (kind !== "Plan" || (document["steps"] as readonly unknown[]).length > 0) continue;
      empty.add(document["reference"]);
      made.delete(key);
    }
    for (const [key, { kind, document, place }] of made) {
      if (kind !== "Template") continue;
      const actions = (document["actions"] as readonly OurDocument[]).map(({ plan, ...rest }) =>
        plan === undefined || empty.has(plan) ? rest : { ...rest, plan },
      );
      made.set(key, { kind, document: { ...document, actions }, place });
    }
  }
}

const KINDS = { jet_state: "State", plan: "Plan", jet_template: "Template" } as const;

function convertState(converter: Converter, row: Row, place: Place): void {
  converter.check("jet_state", row, place);
  const color = converter.number(row, place, "color") ?? 0;
  if (COLORS[color] === undefined)
    converter.report("fault", below(place, "color"), `must be 0 to ${COLORS.length - 1}`);
  const sequence = converter.number(row, place, "sequence");
  const accessLevel = levelOf(converter, row, place);
  converter.add(
    "State",
    {
      ...describe(converter, row, place),
      ...(sequence === undefined ? {} : { sequence }),
      ...(accessLevel === undefined ? {} : { accessLevel }),
      color: COLORS[color],
    },
    place,
  );
}

interface ReadRecord {
  readonly model: RecordModel;
  readonly row: Row;
  readonly place: Place;
}

function readRecords({ report }: Reader, at: SourceDocument): ReadRecord[] {
  const top: Place = { at, path: [] };
  const { document } = at;
  if (!isRow(document)) {
    report("fault", top, "a file is a mapping");
    return [];
  }
  for (const key of Object.keys(document)) {
    if (key === "manifest") report("noted", below(top, key), "what a file says about itself is not kept");
    else if (key !== VERSION_KEY && key !== "records")
      report("fault", below(top, key), `'${key}' is no key of a file`);
  }
  if (document[VERSION_KEY] !== 1) {
    report("fault", below(top, VERSION_KEY), "must be 1");
    return [];
  }
  const { records } = document;
  if (!Array.isArray(records) || records.length === 0) {
    report("fault", below(top, "records"), "must be a list with something in it");
    return [];
  }
  return records.flatMap((row: unknown, index): ReadRecord[] => {
    const place = below(top, "records", index);
    const model = isRow(row) ? row[MODEL_KEY] : undefined;
    if (!isRow(row) || typeof model !== "string") {
      report("fault", place, `must be a mapping with ${MODEL_KEY}`);
      return [];
    }
    const known = RECORDS.find((one) => one === model);
    if (known !== undefined) return [{ model: known, row, place }];
    report("lost", place, `a ${model} has no counterpart`);
    return [];
  });
}
