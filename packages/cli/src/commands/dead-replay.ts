import { type MeshClient, MeshError } from "@jetmesh/client";
import type { LetterSummary, ReplayReply } from "@jetmesh/protocol";
import { ensureError } from "@jetmesh/storage";
import { type Command, InvalidArgumentError } from "commander";
import { wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { printable } from "../dead-body.ts";
import { FailedError, UsageError } from "../errors.ts";
import { listAll } from "../pages.ts";
import type { Environment } from "../settings.ts";

interface Left {
  readonly outcome: "left";
  readonly sequence: number;
  readonly code: string;
  readonly message: string;
}

interface ReplayOptions {
  readonly all: boolean;
  readonly stream?: string;
}

/** More letters than a stream of 128 MB has. */
const EVERY_LETTER = 1_000_000;

export function addReplay(dead: Command, env: Environment): void {
  dead
    .command("replay")
    .description("send the messages of dead letters again; each has one effect, however often it is replayed")
    .argument("[seq...]", "numbers of letters, as `dead list` shows them", numbers)
    .option("--all", "all that there are now", false)
    .option("--stream <stream>", "with --all: only those of messages of a stream")
    .action(async (given: number[] | undefined, options: ReplayOptions, command: Command) => {
      const asked = given ?? [];
      checkUsage(asked, options);
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const { timeoutMs } = settings;
        const sequences = options.all ? await everyLetter(client, options, timeoutMs) : asked;
        const { items, failure } = await replayEach(client, sequences, timeoutMs);
        // Of a single one the refusal itself says it all.
        if (!options.all && asked.length === 1 && failure !== undefined) throw failure;
        output.table({ items }, ["SEQ", "RESULT", "WHAT"], (item) => [String(item.sequence), ...row(item)]);
        if (failure !== undefined && items.length < sequences.length) throw failure;
        const left = items.filter(({ outcome }) => outcome === "left").length;
        if (left === 0) return;
        const count = `${left} of ${sequences.length} dead letters`;
        throw new FailedError(`${count} could not be replayed; \`jm dead show SEQ\` shows one`, {
          code: "not_replayable",
        });
      });
    });
}

/** One after another, until one fails for a reason that would befall the next one too. */
async function replayEach(
  client: MeshClient,
  sequences: readonly number[],
  timeoutMs: number | undefined,
): Promise<{ readonly items: readonly (ReplayReply | Left)[]; readonly failure?: Error }> {
  const items: (ReplayReply | Left)[] = [];
  let failure: Error | undefined;
  for (const sequence of sequences) {
    try {
      items.push(await client.request<ReplayReply>("dead.replay", { sequence }, timeoutMs));
    } catch (thrown) {
      failure = ensureError(thrown);
      if (!(thrown instanceof MeshError) || !OF_ONE_LETTER.has(thrown.code)) break;
      items.push({ outcome: "left", sequence, code: thrown.code, message: thrown.message });
    }
  }
  return { items, ...(failure === undefined ? {} : { failure }) };
}

const OF_ONE_LETTER = new Set<string>(["unknown_letter", "not_replayable"]);

const oneNumber = wholeNumber(1, Number.MAX_SAFE_INTEGER);
/** Commander hands over the arguments of a list one by one, with those before. */
const numbers = (text: string, before: readonly number[] | undefined): readonly number[] => {
  const sequence = oneNumber(text);
  if (before?.includes(sequence) === true) throw new InvalidArgumentError("The same letter twice.");
  return [...(before ?? []), sequence];
};

function checkUsage(asked: readonly number[], { all, stream }: ReplayOptions): void {
  if (all && asked.length > 0) throw new UsageError("either numbers of letters or --all, not both");
  if (!all && stream !== undefined) throw new UsageError("--stream goes with --all");
  if (!all && asked.length === 0)
    throw new UsageError("which? give numbers of letters (`jm dead list` shows them), or --all");
}

/** As they are now: what is put aside again meanwhile is not sent again. */
async function everyLetter(
  client: MeshClient,
  { stream }: ReplayOptions,
  timeoutMs: number | undefined,
): Promise<number[]> {
  const filter = stream === undefined ? {} : { stream };
  const { items } = await listAll<LetterSummary>(client, "dead.list", filter, {
    limit: EVERY_LETTER,
    timeoutMs,
  });
  return items.map(({ sequence }) => sequence);
}

function row(item: ReplayReply | Left): [string, string] {
  if (item.outcome === "left") return ["left", `${item.code}: ${printable(item.message)}`];
  if (item.outcome === "had_effect") return ["removed", `had had its effect: action ${item.actionId}`];
  return ["replayed", printable(item.subject)];
}
