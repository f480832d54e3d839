import type { ActionRecord, Names } from "@jetmesh/protocol";
import { ToldMessage } from "@jetmesh/protocol";
import { type Logger, RefusedError } from "@jetmesh/service-kit";
import { type Connection, type MeshStore, parseJson, respond } from "@jetmesh/storage";

/**
 * Callers that wait for an action to end, or for a jet to be where it is brought. Whoever settles it tells this gateway; that is a hint and may be lost,
 * so the action's record is also looked at from time to time. Waiting changes nothing: it ends with the caller's
 * own time, and the action goes on.
 */
export interface Waits {
  /** Begins before the action is asked for, so that an end that comes first is not missed. */
  begin(id: string, timeoutMs: number, awaited?: Awaited): Wait;
  readonly size: number;
  stop(): Promise<void>;
}

/** What is waited for where it is no action: how to look whether it is over, and what to say where it is not. */
export interface Awaited {
  readonly look: () => Promise<ToldMessage | undefined>;
  readonly tooLate: (timeoutMs: number) => RefusedError;
}

export interface Wait {
  readonly ended: Promise<ToldMessage>;
  cancel(): void;
}

/** The first look; each later one comes after twice the time, up to half a minute. */
const LOOK_MS = 3_000;
const LOOK_MOST_MS = 30_000;

export function createWaits(
  connection: Connection,
  names: Names,
  store: MeshStore,
  log: Logger,
  instance: string,
): Waits {
  const waiting = new Map<string, Set<(told: ToldMessage) => void>>();
  const responder = respond(
    connection,
    names.svc.ofInstance("gateway", instance, "told"),
    undefined,
    (message) => {
      try {
        const told = ToldMessage.parse(parseJson(message.data));
        for (const resolve of waiting.get(told.id) ?? []) resolve(told);
      } catch (thrown) {
        log.error({ err: thrown }, "not a message of an ended action");
      }
    },
  );

  const endOfAction = (id: string): Awaited => ({
    look: async () => {
      const stored = await store.actions.get(id);
      if (stored.kind !== "record" || stored.value.outcome === undefined || stored.value.state !== "CLOSED")
        return undefined;
      return toldOf(stored.value);
    },
    tooLate: (timeoutMs) =>
      new RefusedError(
        "wait_timeout",
        `action ${id} has not ended within ${String(timeoutMs)} ms; it goes on`,
        { actionId: id },
      ),
  });

  return {
    get size() {
      return waiting.size;
    },
    begin(id, timeoutMs, { look, tooLate } = endOfAction(id)) {
      let cancel: () => void = () => undefined;
      const ended = new Promise<ToldMessage>((resolve, reject) => {
        const all = waiting.get(id) ?? new Set();
        waiting.set(id, all);
        const timer = setTimeout(() => {
          cancel();
          reject(tooLate(timeoutMs));
        }, timeoutMs);
        const done = (told: ToldMessage): void => {
          cancel();
          resolve(told);
        };
        let looking: NodeJS.Timeout;
        const lookAfter = (ms: number): void => {
          looking = setTimeout(() => {
            void look()
              .then((told) => {
                if (told !== undefined) done(told);
              })
              .catch(() => undefined);
            lookAfter(Math.min(LOOK_MOST_MS, ms * 2));
          }, ms);
        };
        lookAfter(LOOK_MS);
        cancel = () => {
          clearTimeout(timer);
          clearTimeout(looking);
          all.delete(done);
          if (all.size === 0 && waiting.get(id) === all) waiting.delete(id);
        };
        all.add(done);
      });
      // Nobody may be listening yet when the time is up.
      ended.catch(() => undefined);
      return { ended, cancel: () => cancel() };
    },
    stop: () => responder.stop(),
  };
}

const toldOf = (record: ActionRecord): ToldMessage => ({
  v: 1,
  id: record.id,
  state: record.state,
  outcome: record.outcome ?? "ERROR",
  ...(record.jet === undefined ? {} : { jet: record.jet }),
  ...(record.result === undefined ? {} : { result: record.result }),
  ...(record.error === undefined ? {} : { error: record.error }),
});
