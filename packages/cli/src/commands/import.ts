import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { stringify } from "yaml";
import { contextOf, withMesh } from "../command-context.ts";
import { readSources } from "../definition-files.ts";
import { FailedError, UsageError } from "../errors.ts";
import { importSources } from "../import-documents.ts";
import type { Output } from "../output.ts";
import type { Environment } from "../settings.ts";
import { type Conversion, convertTower } from "../tower/convert-tower.ts";
import type { ReportLevel, TowerReport } from "../tower/tower-reports.ts";
import { formatFault, readDocuments } from "../yaml-documents.ts";

interface ImportOptions {
  readonly from: "tower";
  readonly out?: string;
  readonly apply: boolean;
  readonly lossy: boolean;
}

export function addImport(program: Command, env: Environment): void {
  program
    .command("import")
    .description("convert the definitions of another program; all that has no counterpart is told")
    .addOption(
      new Option("--from <format>", "tower: YAML of Cetmix Tower, version 1")
        .choices(["tower"])
        .makeOptionMandatory(),
    )
    .argument("<files...>", "files, folders of *.yaml and *.yml, or -")
    .option("--out <file>", "write the documents there, in place of printing them")
    .option("--apply", "apply the documents to the mesh", false)
    .option("--lossy", "also where what is made of it would act otherwise", false)
    .action(async (files: string[], options: ImportOptions, command: Command) => {
      if (options.apply && options.out !== undefined)
        throw new UsageError("either --out or --apply, not both");
      const context = contextOf(command, env);
      const { output } = context;
      const conversion = convert(files);
      refuseWhatIsLost(conversion, options);
      if (!output.isJson) for (const report of conversion.reports) output.note(formatReport(report));
      const { documents, reports } = conversion;
      const text = documents.map((document) => stringify(document)).join("---\n");
      if (options.apply) {
        const reply = await withMesh(context, ({ client, settings }) =>
          importSources(() => Promise.resolve(client), [{ source: "what was converted", text }], {
            timeoutMs: settings.timeoutMs,
          }),
        );
        const answer = { ...reply, reports };
        output.table(answer, ["KIND", "REFERENCE", "CHANGE"], (item) => [
          item.kind,
          item.reference,
          item.change,
        ]);
      } else if (options.out !== undefined) {
        write(options.out, text);
        output.result({ file: options.out, documents: documents.length, reports }, () => [
          `${documents.length} documents are in ${options.out ?? ""}`,
        ]);
      } else printDocuments(output, conversion, text);
    });
}

const printDocuments = (output: Output, conversion: Conversion, text: string): void =>
  output.result(conversion, () => [text.trimEnd()]);

function convert(files: readonly string[]): Conversion {
  const { documents, faults } = readDocuments(readSources(files));
  const converted = convertTower(documents);
  return {
    ...converted,
    reports: [...faults.map((fault) => ({ ...fault, level: "fault" }) as const), ...converted.reports],
  };
}

function refuseWhatIsLost({ documents, reports }: Conversion, { lossy }: ImportOptions): void {
  const count = (level: ReportLevel): number => reports.filter((report) => report.level === level).length;
  const details = { reports };
  const told = reports.map((report) => `\n${formatReport(report)}`).join("");
  if (count("fault") > 0 || documents.length === 0) {
    const what =
      count("fault") > 0 ? "this cannot be read as Cetmix Tower's YAML" : "there is nothing to convert";
    throw new FailedError(`${what}:${told}`, { code: "invalid_request", details });
  }
  if (count("lost") > 0 && !lossy) {
    const what =
      "what is made of this would act otherwise; nothing was written, --lossy goes on all the same:";
    throw new FailedError(`${what}${told}`, { code: "lossy", details });
  }
}

const LEVELS: Readonly<Record<ReportLevel, string>> = { fault: "fault", lost: "lost", noted: "left out" };

/** `lost: file:line path: why` */
const formatReport = (report: TowerReport): string => `${LEVELS[report.level]}: ${formatFault(report)}`;

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (thrown) {
    throw new FailedError(
      `cannot write ${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  }
}
