import { LetterSummary, NumberedLetter, type ReplayReply, type RequestOf } from "@jetmesh/protocol";
import { mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { type Change, parseJson, readMessage, readStream } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { collect, type Page } from "./pages.ts";

/** Letters in the order in which they were written; their number is their place in the stream. */
export async function listLetters(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"dead.list">,
): Promise<Page<LetterSummary>> {
  await mustBeAllowed(deps, { operation: "dead.read", user });
  const { connection, names } = deps;
  const filter = request.stream === undefined ? names.dead.all : names.dead.of(request.stream);
  return collect(request, {
    read: async ({ shard, sequence: cursor }, most, visit) => {
      const next = await readStream(
        connection,
        names.streams.dead,
        filter,
        { cursor, most },
        ({ seq, data }) =>
          visit({ key: String(seq), revision: seq, exists: true, data, header: () => undefined }),
      );
      return next === undefined ? undefined : { shard, sequence: next };
    },
    parse: ({ revision, data }: Change) => {
      const letter = LetterSummary.safeParse(numbered(revision, data));
      return letter.success ? letter.data : undefined;
    },
    // The message itself, which is most of a letter, is not shown.
    bytesOf: (letter) => JSON.stringify(letter).length,
    allow: (found) => Promise.resolve(found.map(() => true)),
    show: (found) => Promise.resolve(found),
  });
}

export async function getLetter(deps: GatewayDeps, user: string, sequence: number): Promise<NumberedLetter> {
  await mustBeAllowed(deps, { operation: "dead.read", user });
  const stored = await readMessage(deps.connection, deps.names.streams.dead, sequence);
  const letter = NumberedLetter.safeParse(stored && numbered(sequence, stored.data));
  if (!letter.success)
    throw new RefusedError("unknown_letter", `there is no dead letter ${String(sequence)}`);
  return letter.data;
}

export async function replayLetter(deps: GatewayDeps, user: string, sequence: number): Promise<ReplayReply> {
  await mustBeAllowed(deps, { operation: "dead.replay", user });
  return handOver<ReplayReply>(deps, "state-store.dead-replay", { v: 1, user, sequence });
}

function numbered(sequence: number, data: Uint8Array): unknown {
  try {
    return { ...(parseJson(data) as object), sequence };
  } catch {
    return undefined;
  }
}
