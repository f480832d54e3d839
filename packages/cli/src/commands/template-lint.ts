import type { Command } from "commander";
import { collect, collectReferences } from "../arguments.ts";
import { contextOf } from "../command-context.ts";
import { groupOf } from "../command-group.ts";
import { readSources } from "../definition-files.ts";
import { FailedError } from "../errors.ts";
import { lintDocuments, type PlacedFinding } from "../lint-documents.ts";
import type { Environment } from "../settings.ts";
import { formatFault, readDocuments } from "../yaml-documents.ts";

export function addTemplateLint(program: Command, env: Environment): void {
  groupOf(program, "template", "see and check templates")
    .command("lint")
    .description("find what is wrong with templates, in files and without a mesh; 1 where anything is")
    .requiredOption("-f, --file <file>", "a YAML file, a folder of them, or - ; may be repeated", collect, [])
    .option(
      "--end <states>",
      "states that are meant to be ends: references with commas between",
      collectReferences,
      [],
    )
    .option("--partial", "what the files refer to may be in the mesh already", false)
    .action((options: { file: string[]; end: string[]; partial: boolean }, command: Command) => {
      const { output } = contextOf(command, env);
      const { documents, faults } = readDocuments(readSources(options.file));
      const items: PlacedFinding[] = [
        ...faults.map((fault) => ({ ...fault, code: "invalid", template: "" }) as const),
        ...lintDocuments(documents, { isWhole: !options.partial, ends: options.end }),
      ];
      output.result({ ok: items.length === 0, items }, () =>
        items.length === 0 ? ["nothing found"] : items.map(formatFinding),
      );
      if (items.length > 0) {
        const count = items.length === 1 ? "1 thing was" : `${items.length} things were`;
        throw new FailedError(`${count} found`, { code: "lint" });
      }
    });
}

/** `file:line path: message (code)` */
export const formatFinding = (finding: PlacedFinding): string => `${formatFault(finding)} (${finding.code})`;
