import { EndedMessage } from "@jetmesh/protocol";
import { type Incoming, parseJson, type Responder, respond } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { settleAction } from "./settle.ts";

/** More than this at once are left to repair: a hint is not worth unbounded memory. */
const MOST_AT_ONCE = 4_096;

export interface EndedActions extends Responder {
  readonly settling: ReadonlySet<string>;
  idle(): Promise<void>;
}

/** Settles actions as soon as their runner says that they have ended; a hint that is lost is found by repair. */
export function settleEnded(deps: Deps): EndedActions {
  const settling = new Set<string>();
  const running = new Set<Promise<void>>();
  const onEnded = (message: Incoming): void => {
    if (settling.size >= MOST_AT_ONCE) return;
    let parsed: EndedMessage;
    try {
      parsed = EndedMessage.parse(parseJson(message.data));
    } catch (thrown) {
      deps.log.error({ err: thrown, subject: message.subject }, "not a message of an ended action");
      return;
    }
    const { id } = parsed.record;
    settling.add(id);
    const task = settleAction(deps, parsed)
      .catch((thrown: unknown) => deps.log.warn({ err: thrown, action: id }, "not settled yet"))
      .finally(() => {
        settling.delete(id);
        running.delete(task);
      });
    running.add(task);
  };
  const { connection, names, instance } = deps;
  const responders = [
    respond(connection, names.svc.of("state-store", "ended"), "state-store", onEnded),
    respond(connection, names.svc.ofInstance("state-store", instance, "ended"), undefined, onEnded),
  ];
  return {
    settling,
    stop: async () => void (await Promise.all(responders.map((responder) => responder.stop()))),
    idle: async () => void (await Promise.allSettled(running)),
  };
}
