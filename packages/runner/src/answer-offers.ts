import { ActionOffer } from "@jetmesh/protocol";
import { type Incoming, parseJson, type Responder, respond } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import { takeOffered } from "./take-action.ts";

export interface Offers extends Responder {
  /** Answers those of one more queue. */
  serve(queue: string): void;
  /** Being taken. */
  readonly inFlight: number;
  idle(): Promise<void>;
}

/**
 * Takes actions that state-stores offer to a queue, where there is room for them and none that wait in the stream have
 * been there before them; answers once the claim is acknowledged, or that it is not taken.
 */
export function answerOffers(deps: RunnerDeps, hasRoom: () => boolean, onFree: () => void): Offers {
  const running = new Set<Promise<void>>();

  const take = async (request: Incoming): Promise<void> => {
    let taken = false;
    try {
      taken = await takeOffered(deps, ActionOffer.parse(parseJson(request.data)), onFree);
    } catch (thrown) {
      // Whoever offers it finds out by writing it.
      deps.log.warn({ err: thrown, subject: request.subject }, "an offer was not taken");
    }
    request.reply({ v: 1, taken });
  };

  const responders: Responder[] = [];
  return {
    serve(queue) {
      const subject = deps.names.svc.ofPool(queue, "offer");
      responders.push(
        respond(deps.connection, subject, "runner", (request) => {
          if (!hasRoom()) return request.reply({ v: 1, taken: false });
          const task = take(request).finally(() => running.delete(task));
          running.add(task);
        }),
      );
    },
    get inFlight() {
      return running.size;
    },
    stop: async () => void (await Promise.all(responders.map((responder) => responder.stop()))),
    idle: async () => void (await Promise.allSettled(running)),
  };
}
