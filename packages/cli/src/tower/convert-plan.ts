import { type Converter, describe, levelOf, type OurDocument } from "./converter.ts";
import { below, isRow, type Place, type Row } from "./tower-reports.ts";
import { translateText } from "./translate-text.ts";

export function convertPlan(converter: Converter, row: Row, place: Place): void {
  converter.check("plan", row, place);
  const onError = converter.oneOf(row, place, "on_error_action", ["e", "ec", "n"]);
  if (onError === "n")
    converter.report("lost", below(place, "on_error_action"), "a plan stops at the first step that fails");
  // Its own custom_exit_code is told where it stands.
  const lines = converter.rows(row, place, "line_ids");
  const ordered = lines
    .map((line, index) => ({
      ...line,
      index,
      sequence: converter.number(line.row, line.place, "sequence") ?? 10,
    }))
    .toSorted((a, b) => a.sequence - b.sequence || a.index - b.index);
  const seen = new Set<unknown>();
  const steps = ordered
    .flatMap((line) => convertLine(converter, line.row, line.place))
    // One command on two lines gives one name twice: the second step goes by its number.
    .map(({ reference, ...step }) => {
      if (reference === undefined || seen.has(reference)) return step;
      seen.add(reference);
      return { reference, ...step };
    });
  const accessLevel = levelOf(converter, row, place);
  converter.add(
    "Plan",
    {
      ...describe(converter, row, place),
      ...(accessLevel === undefined ? {} : { accessLevel }),
      steps,
    },
    place,
  );
}

function convertLine(converter: Converter, row: Row, place: Place): OurDocument[] {
  converter.check("plan_line", row, place);
  convertLineActions(converter, row, place);
  const found = converter.command(row, place);
  if (found === undefined) {
    const { command_id: id } = row;
    const reference = isRow(id) ? id["reference"] : id;
    if (typeof reference === "string")
      converter.report(
        "lost",
        below(place, "command_id"),
        `command '${reference}' is not in the files: no step is made of it`,
      );
    return [];
  }
  const { row: command, place: at } = found;
  converter.check("command", command, at);
  const kind = command["action"] ?? "ssh_command";
  if (kind !== "ssh_command") {
    converter.report(
      "lost",
      below(at, "action"),
      `a command of ${JSON.stringify(kind)} has no counterpart: no step is made of it`,
    );
    return [];
  }
  const code = converter.text(command, at, "code");
  if (code === undefined) {
    converter.report("lost", at, "a command without code does nothing: no step is made of it");
    return [];
  }
  const reference = converter.text(row, place, "reference") ?? converter.text(command, at, "reference");
  const name = converter.text(command, at, "name");
  const ownPath = converter.text(row, place, "path");
  const cwd = ownPath ?? converter.text(command, at, "path");
  const cwdAt = ownPath === undefined ? below(at, "path") : below(place, "path");
  return [
    {
      ...(reference === undefined ? {} : { reference }),
      ...(name === undefined ? {} : { name }),
      shell: translated(converter, code, below(at, "code")),
      ...(cwd === undefined ? {} : { cwd: translated(converter, cwd, cwdAt) }),
    },
  ];
}

function translated(converter: Converter, before: string, place: Place): string {
  const { text, problems } = translateText(before);
  for (const problem of problems) converter.report("lost", place, problem);
  return text;
}

/** A step that succeeds is followed by the next, as here: that alone says nothing. */
function convertLineActions(converter: Converter, row: Row, place: Place): void {
  for (const { row: action, place: at } of converter.rows(row, place, "action_ids")) {
    converter.check("plan_line_action", action, at);
    const { condition, value_char: value } = action;
    const does = converter.oneOf(action, at, "action", ["e", "ec", "n"]) ?? "n";
    const isOurs =
      (condition === "==" && String(value) === "0" && does === "n") ||
      (condition === "!=" && String(value) === "0" && does === "e");
    if (!isOurs)
      converter.report(
        "lost",
        at,
        "what follows a step does not depend on its exit code yet: 0 goes on, all else stops",
      );
  }
}
