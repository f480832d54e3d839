import type { Command } from "commander";

/** A word that commands stand behind, as `jet` in `jet list`: the one that is there, else a new one. */
export const groupOf = (program: Command, name: string, description: string): Command =>
  program.commands.find((one) => one.name() === name) ?? program.command(name).description(description);
