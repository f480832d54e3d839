import type { ActionRecord, Names } from "@jetmesh/protocol";
import { ToldMessage } from "@jetmesh/protocol";
import { type Logger, RefusedError } from "@jetmesh/service-kit";
import { type Connection, type MeshStore, respond } from "@jetmesh/storage";

/**
 * Callers that wait for an action to end. Whoever settles it tells this gateway; that is a hint and may be lost,
 * so the action's record is also looked at from time to time. Waiting changes nothing: it ends with the caller's
 * own time, and the action goes on.
 */
export interface Waits {
  /** Begins before the action is asked for, so that an end that comes first is not missed. */
  begin(actionId: string, timeoutMs: number): Wait;
  readonly size: number;
  stop(): Promise<void>;
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
        const told = ToldMessage.parse(JSON.parse(Buffer.from(message.data).toString()));
        for (const resolve of waiting.get(told.id) ?? []) resolve(told);
      } catch (thrown) {
        log.error({ err: thrown }, "not a message of an ended action");
      }
    },
  );

  const look = async (id: string): Promise<void> => {
    const stored = await store.actions.get(id);
    if (stored.kind !== "record" || stored.value.outcome === undefined || stored.value.state !== "CLOSED")
      return;
    const told = toldOf(stored.value);
    for (const resolve of waiting.get(id) ?? []) resolve(told);
  };

  return {
    get size() {
      return waiting.size;
    },
    begin(id, timeoutMs) {
      let cancel: () => void = () => undefined;
      const ended = new Promise<ToldMessage>((resolve, reject) => {
        const all = waiting.get(id) ?? new Set();
        waiting.set(id, all);
        const timer = setTimeout(() => {
          cancel();
          reject(
            new RefusedError(
              "wait_timeout",
              `action ${id} has not ended within ${String(timeoutMs)} ms; it goes on`,
              { actionId: id },
            ),
          );
        }, timeoutMs);
        let looking: NodeJS.Timeout;
        const lookAfter = (ms: number): void => {
          looking = setTimeout(() => {
            void look(id).catch(() => undefined);
            lookAfter(Math.min(LOOK_MOST_MS, ms * 2));
          }, ms);
        };
        lookAfter(LOOK_MS);
        const done = (told: ToldMessage): void => {
          cancel();
          resolve(told);
        };
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
