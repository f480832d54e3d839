import { type ActionRecord, type Names, OfferReply, queueOf } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { readJson } from "./json.ts";
import type { Reply } from "./pipeline.ts";
import { MAX_CARRIED_BYTES } from "./send-resume.ts";

/** Longer than a claim takes on a busy machine; after that it is found out by the write that takes the offer's place. */
const OFFER_MS = 2_000;

/**
 * Offers an action that is not written yet to the runners of its queue, as JSON; `from` is the instance that does. True
 * where one of them has made it, or found it made; false where nobody has room, or nobody has said so: then it may be there all the same.
 */
export async function offerAction(
  { pipeline, faults }: Connection,
  names: Names,
  record: Pick<ActionRecord, "pool" | "labels" | "lane">,
  text: string,
  from: string,
): Promise<boolean> {
  if (text.length > MAX_CARRIED_BYTES) return false;
  const subject = names.svc.ofPool(queueOf(record), "offer");
  const send = (): Promise<boolean> =>
    pipeline.request(subject, `{"v":1,"from":"${from}","record":${text}}`, undefined, OFFER_MS, wasTaken);
  if (faults === undefined) return send();
  const before = await faults.suffer("action.offer", "before", text);
  if (before === "lose") return false;
  if (before === "twice") await send();
  const isTaken = await send();
  return (await faults.suffer("action.offer", "after", text)) === "lose" ? false : isTaken;
}

const wasTaken = (reply: Reply): boolean => {
  if (typeof reply === "string") return false;
  const read = OfferReply.safeParse(readJson(reply.data));
  return read.success && read.data.taken;
};
