import type { Command } from "commander";
import { collect } from "../arguments.ts";
import { contextOf } from "../command-context.ts";
import { readSources } from "../definition-files.ts";
import { importSources } from "../import-documents.ts";
import { connect, type Environment } from "../settings.ts";

export function addApply(program: Command, env: Environment): void {
  program
    .command("apply")
    .description("apply definitions, all or none; every fault is told at once")
    .requiredOption("-f, --file <file>", "a YAML file, a folder of them, or - ; may be repeated", collect, [])
    .option("--dry-run", "say what would change, change nothing", false)
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
        output.table(reply, ["KIND", "REFERENCE", dryRun ? "WOULD BE" : "CHANGE"], (item) => [
          item.kind,
          item.reference,
          item.change,
        ]);
      } finally {
        await close();
      }
    });
}
