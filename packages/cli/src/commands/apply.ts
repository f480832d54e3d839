import type { Command } from "commander";
import { collect } from "../arguments.ts";
import { contextOf } from "../command-context.ts";
import { readSources } from "../definition-files.ts";
import { formatChanges } from "../format-changes.ts";
import { importSources } from "../import-documents.ts";
import { lintDocuments } from "../lint-documents.ts";
import { connect, type Environment } from "../settings.ts";
import { readDocuments } from "../yaml-documents.ts";
import { formatFinding } from "./template-lint.ts";

export function addApply(program: Command, env: Environment): void {
  program
    .command("apply")
    .description("apply definitions, all or none; every fault is told at once")
    .requiredOption("-f, --file <file>", "a YAML file, a folder of them, or - ; may be repeated", collect, [])
    .option("--dry-run", "say what would change, path by path; change nothing", false)
    .action(async (options: { file: string[]; dryRun: boolean }, command: Command) => {
      const { settings, output } = contextOf(command, env);
      const sources = readSources(options.file);
      let close = (): Promise<void> => Promise.resolve();
      // Faults of syntax are found without a mesh.
      const connectLater = async (): ReturnType<typeof connect> => {
        const client = await connect(settings);
        close = () => client.close();
        return client;
      };
      try {
        const { dryRun } = options;
        const reply = await importSources(connectLater, sources, { dryRun, timeoutMs: settings.timeoutMs });
        // Applied all the same: a template may be on its way to being whole.
        const warnings = lintDocuments(readDocuments(sources).documents, { isWhole: false });
        const answer = warnings.length === 0 ? reply : { ...reply, warnings };
        if (dryRun) output.result(answer, () => formatChanges(reply));
        else
          output.table(answer, ["KIND", "REFERENCE", "CHANGE"], (item) => [
            item.kind,
            item.reference,
            item.change,
          ]);
        if (!output.isJson) for (const warning of warnings) output.note(`warning: ${formatFinding(warning)}`);
      } finally {
        await close();
      }
    });
}
