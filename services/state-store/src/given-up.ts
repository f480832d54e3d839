import { Advisory, type Names } from "@jetmesh/protocol";
import {
  type Disposal,
  parseJson,
  type QueueMessage,
  readMessage,
  removeMessage,
  UnavailableError,
} from "@jetmesh/storage";
import { writeDead } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";

const ACK: Disposal = { kind: "ack" };

type GivenUpDeps = Pick<Deps, "connection" | "names" | "clock" | "log">;

/**
 * One advisory of the broker about a message of a work queue: one that was delivered as often as its consumer allows
 * stays in the stream and is given to nobody any more, one that was terminated is gone. Letter, then the message out
 * of its queue, then the acknowledgement; each may be made twice, so whoever has the advisory next goes on (ADR 0017).
 */
export async function handleAdvisory(deps: GivenUpDeps, message: QueueMessage): Promise<Disposal> {
  const advisory = parse(message.data);
  if (advisory === undefined || !isOurs(deps.names, advisory)) {
    deps.log.warn({ subject: message.subject }, "an advisory that says nothing of a queue of ours");
    return ACK;
  }
  try {
    await putAside(deps, advisory);
    return ACK;
  } catch (thrown) {
    if (!(thrown instanceof UnavailableError)) deps.log.error({ err: thrown, advisory }, "not put aside");
    return { kind: "retry", afterMs: Math.min(30_000, 500 * message.deliveries) };
  }
}

function parse(data: Uint8Array): Advisory | undefined {
  try {
    return Advisory.parse(parseJson(data));
  } catch {
    return undefined;
  }
}

/** What the broker says when nobody terminated a message but its stream let go of it. */
const DELETED = "Unacknowledged message was deleted";
const BY_LIMITS = "Message deleted by stream limits";

const isOurs = ({ streams }: Names, { stream }: Advisory): boolean =>
  stream === streams.triggers || stream === streams.resume;

async function putAside(deps: GivenUpDeps, advisory: Advisory): Promise<void> {
  const { stream, stream_seq: sequence, consumer, deliveries, reason } = advisory;
  const origin = { stream, sequence, deliveries };
  // A newer hint took the place of one that was not acknowledged yet: what a hint is for. Of a trigger a broker says it
  // too, which was killed when it had taken the message out and not yet written down that it was acknowledged.
  if (reason === DELETED) return;
  if (reason === BY_LIMITS && stream === deps.names.streams.resume) return;
  const stored = await readMessage(deps.connection, stream, sequence);
  if (advisory.type.endsWith("terminated")) {
    const why = `terminated at delivery ${String(deliveries)} by a client of consumer ${consumer}`;
    // The broker removes it with the word, and says neither its subject nor its body.
    const left = stored ?? { subject: "", data: new Uint8Array() };
    await writeDead(
      deps,
      { ...left, ...origin },
      "terminated",
      reason === undefined ? why : `${why}: ${reason}`,
    );
  } else {
    // Handled after all, or put aside by whoever had this advisory before.
    if (stored === undefined) return;
    const why = `delivered ${String(deliveries)} times, which is all that consumer ${consumer} allows`;
    await writeDead(deps, { ...stored, ...origin }, "max_deliveries", why);
  }
  await removeMessage(deps.connection, stream, sequence, "given-up.remove");
}
