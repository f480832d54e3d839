import type { Command } from "commander";

/** What can be completed in the place of an argument by asking the mesh. */
export const ASKABLE = ["jets", "actions", "templates"] as const;
export type Askable = (typeof ASKABLE)[number];

/** A command as its users type it, from which the scripts for shells are made. */
export interface CommandRow {
  /** `jet trigger`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly subcommands: readonly string[];
  /** Every long flag that it takes, global ones as well. */
  readonly flags: readonly string[];
  /** What each of its arguments can be, in their order; undefined where nobody knows. */
  readonly arguments: readonly (Askable | undefined)[];
}

const KINDS: Readonly<Record<string, Askable>> = {
  jet: "jets",
  "jet-or-action": "jets",
  action: "actions",
  template: "templates",
};

/** Every command of a program that is shown in its help. */
export function commandTable(program: Command): CommandRow[] {
  const global = program.options.flatMap(({ long }) => long ?? []);
  const visit = (command: Command, path: readonly string[]): CommandRow[] => {
    const shown = command
      .createHelp()
      .visibleCommands(command)
      .filter((one) => one.name() !== "help");
    const own = command === program ? [] : command.options.flatMap(({ long }) => long ?? []);
    // A jet that is to be made has no name yet that could be completed.
    const isNew = path.at(-1) === "create";
    const row: CommandRow = {
      path: path.join(" "),
      description: command.description(),
      subcommands: shown.map((one) => one.name()),
      flags: [...own, ...global, "--help"],
      arguments: command.registeredArguments.map((one) =>
        isNew && one.name() === "jet" ? undefined : KINDS[one.name()],
      ),
    };
    return [row, ...shown.flatMap((one) => visit(one, [...path, one.name()]))];
  };
  return visit(program, []);
}

/** The flags that have a value behind them, of all commands. */
export function flagsWithValue(program: Command): string[] {
  const visit = (command: Command): string[] => [
    ...command.options
      .filter(({ required, optional }) => required || optional)
      .flatMap(({ long, short }) => [long, short].flatMap((flag) => flag ?? [])),
    ...command.commands.flatMap(visit),
  ];
  return [...new Set(visit(program))].sort();
}
