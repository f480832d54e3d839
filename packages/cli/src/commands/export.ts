import { writeFileSync } from "node:fs";
import { exportDocuments } from "@jetmesh/client";
import { DOCUMENT_KINDS, type DocumentKind } from "@jetmesh/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { contextOf, withMesh } from "../command-context.ts";
import { formatDocuments } from "../format-documents.ts";
import type { Environment } from "../settings.ts";

export function addExport(program: Command, env: Environment): void {
  program
    .command("export")
    .description("print the definitions and jets that you may read, as `apply -f` takes them")
    .option("--kind <kinds>", "only these: State,User,Plan,Template,Jet,Schedule", parseKinds)
    .option("-o, --out <file>", "into a file")
    .action(async (options: { kind?: readonly DocumentKind[]; out?: string }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const documents = await exportDocuments(client, {
          ...(options.kind === undefined ? {} : { kinds: options.kind }),
          ...(settings.timeoutMs === undefined ? {} : { timeoutMs: settings.timeoutMs }),
        });
        const { out } = options;
        if (out !== undefined) {
          writeFileSync(out, formatDocuments(documents));
          output.record({ file: out, documents: documents.length }, () => [
            ["file", out],
            ["documents", String(documents.length)],
          ]);
        } else if (output.isJson) output.result({ items: documents }, () => []);
        else output.raw(formatDocuments(documents));
      });
    });
}

/** `Template,Plan`, in whatever case. */
function parseKinds(text: string): DocumentKind[] {
  return text.split(",").map((word) => {
    const kind = DOCUMENT_KINDS.find((one) => one.toLowerCase() === word.trim().toLowerCase());
    if (kind === undefined) throw new InvalidArgumentError(`One or more of ${DOCUMENT_KINDS.join(", ")}.`);
    return kind;
  });
}
