import { type MeshClient, MeshError } from "@jetmesh/client";
import { Fault, type ImportReply } from "@jetmesh/protocol";
import { FailedError } from "./errors.ts";
import {
  formatFault,
  type PlacedFault,
  placeFaults,
  readDocuments,
  type SourceText,
} from "./yaml-documents.ts";

/** Applies sources, all or nothing; throws every fault of all of them at once, each with its file and line. */
export async function importSources(
  connect: () => Promise<MeshClient>,
  sources: readonly SourceText[],
  { dryRun = false, timeoutMs }: { dryRun?: boolean; timeoutMs?: number | undefined } = {},
): Promise<ImportReply> {
  const { documents, faults } = readDocuments(sources);
  if (faults.length > 0) throw faultsError(faults);
  if (documents.length === 0) throw new FailedError("there are no documents in what was given");
  const client = await connect();
  try {
    const request = { documents: documents.map(({ source, document }) => ({ source, document })), dryRun };
    return await client.request<ImportReply>("import", request, timeoutMs);
  } catch (thrown) {
    const found = faultsOf(thrown);
    if (found === undefined) throw thrown;
    throw faultsError(placeFaults(found, documents));
  }
}

/** The faults of documents; a refused request has faults too, but of its own shape, which is not the user's. */
function faultsOf(thrown: unknown): Fault[] | undefined {
  if (!(thrown instanceof MeshError) || thrown.code !== "invalid_request") return undefined;
  const parsed = Fault.array()
    .min(1)
    .safeParse((thrown.details as { faults?: unknown } | undefined)?.faults);
  if (!parsed.success || parsed.data.some(({ document }) => document === undefined)) return undefined;
  return parsed.data;
}

function faultsError(faults: readonly PlacedFault[]): FailedError {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  const message = `${count}, nothing was applied:\n${faults.map(formatFault).join("\n")}`;
  return new FailedError(message, { code: "invalid_request", details: { faults } });
}
