import type { Command } from "commander";
import { collect } from "../arguments.ts";
import { contextOf } from "../command-context.ts";
import { groupOf } from "../command-group.ts";
import { readSources } from "../definition-files.ts";
import { FailedError } from "../errors.ts";
import { lintPlans } from "../lint-plans.ts";
import type { Environment } from "../settings.ts";
import { formatFault, readDocuments } from "../yaml-documents.ts";

export function addPlanLint(program: Command, env: Environment): void {
  groupOf(program, "plan", "see and check flight plans")
    .command("lint")
    .description("find what is wrong with flight plans, in files and without a mesh; 1 where anything is")
    .requiredOption("-f, --file <file>", "a YAML file, a folder of them, or - ; may be repeated", collect, [])
    .option("--partial", "plans that the files call may be in the mesh already", false)
    .action((options: { file: string[]; partial: boolean }, command: Command) => {
      const { output } = contextOf(command, env);
      const { documents, faults } = readDocuments(readSources(options.file));
      const items = [...faults, ...lintPlans(documents, { isWhole: !options.partial })];
      output.result({ ok: items.length === 0, items }, () =>
        items.length === 0 ? ["nothing found"] : items.map(formatFault),
      );
      if (items.length > 0) {
        const count = items.length === 1 ? "1 thing was" : `${items.length} things were`;
        throw new FailedError(`${count} found`, { code: "lint" });
      }
    });
}
