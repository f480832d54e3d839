import { type Converter, describe, levelOf, type OurDocument } from "./converter.ts";
import { below, type Place, type Row } from "./tower-reports.ts";

/** A key that is written only where it has a value. */
const given = (key: string, value: unknown): OurDocument => (value === undefined ? {} : { [key]: value });

export function convertTemplate(converter: Converter, row: Row, place: Place): void {
  converter.check("jet_template", row, place);
  const limit = converter.number(row, place, "limit_per_server");
  if (limit !== undefined && limit > 0)
    converter.report(
      "noted",
      below(place, "limit_per_server"),
      "the limit counts all jets of the template together",
    );
  const actions = converter
    .rows(row, place, "action_ids")
    .map((action) => convertAction(converter, action.row, action.place));
  // They look at what is required where a jet is made, and nowhere else.
  const creates = actions.filter(({ from }) => from === undefined).map(({ reference }) => reference);
  const requires = converter
    .rows(row, place, "template_requires_ids")
    .flatMap((one) => convertRequirement(converter, one.row, one.place, creates));
  const variables = convertVariables(converter, row, place);
  converter.add(
    "Template",
    {
      ...describe(converter, row, place),
      ...(limit === undefined ? {} : { limit }),
      ...(Object.keys(variables).length === 0 ? {} : { variables }),
      ...(requires.length === 0 ? {} : { requires }),
      actions,
    },
    place,
  );
}

function convertAction(converter: Converter, row: Row, place: Place): OurDocument {
  converter.check("jet_action", row, place);
  const transit = converter.refer(row, place, "state_transit_id", "jet_state");
  if (transit === undefined) converter.report("fault", place, "an action has a state_transit_id");
  return {
    ...describe(converter, row, place),
    ...given("priority", converter.number(row, place, "priority")),
    ...given("accessLevel", levelOf(converter, row, place)),
    ...given("from", converter.refer(row, place, "state_from_id", "jet_state")),
    ...given("transit", transit),
    ...given("to", converter.refer(row, place, "state_to_id", "jet_state")),
    ...given("error", converter.refer(row, place, "state_error_id", "jet_state")),
    ...given("plan", converter.refer(row, place, "plan_id", "plan")),
  };
}

function convertRequirement(
  converter: Converter,
  row: Row,
  place: Place,
  actions: readonly unknown[],
): OurDocument[] {
  converter.check("jet_template_dependency", row, place);
  const template = converter.refer(row, place, "template_required_id", "jet_template");
  const state = converter.refer(row, place, "state_required_id", "jet_state");
  if (template !== undefined && state !== undefined)
    return [{ template, state, actions, otherwise: "bring" }];
  converter.report("fault", place, "a requirement has a template_required_id and a state_required_id");
  return [];
}

function convertVariables(converter: Converter, row: Row, place: Place): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  for (const { row: value, place: at } of converter.rows(row, place, "variable_value_ids")) {
    converter.check("variable_value", value, at);
    const variable = value["variable_id"];
    const name =
      typeof variable === "object" && variable !== null ? (variable as Row)["reference"] : variable;
    if (typeof name !== "string") {
      converter.report("fault", below(at, "variable_id"), "must be a reference, or a mapping with one");
      continue;
    }
    const text = converter.text(value, at, "value_char") ?? "";
    if (/\{\{|\{%/.test(text))
      converter.report(
        "lost",
        below(at, "value_char"),
        "a variable that is made of others is not rendered here",
      );
    variables[name] = text;
  }
  return variables;
}
