import { type Proxy, startProxy, type TestMesh, type TestService } from "@jetmesh/testkit";
import { isBehindProxy, type Slot, slotName } from "./plan.ts";

/**
 * The places of a storm: each is filled by a process, and filled again when that has gone, however it went, as a
 * supervisor would. Processes that a fault has stopped are continued after a while.
 */
export interface Place {
  readonly slot: Slot;
  readonly proxy: Proxy | undefined;
  /** Who fills it now; absent between two. */
  readonly service: TestService | undefined;
  /** SIGKILL; the next one comes after `backMs`, with these faults. */
  kill(backMs: number, faults: string | undefined): Promise<void>;
  /** SIGSTOP, until `resume`. */
  pause(): void;
  resume(): void;
}

export interface Places {
  find(slot: Slot): Place;
  readonly all: readonly Place[];
  /** How many processes ended by themselves, most by a fault of their own. */
  readonly ended: number;
  /** Everything goes on: nobody is stopped, no link is down, every place is filled by a process without faults. */
  heal(): Promise<void>;
}

/** A process that a fault has stopped is continued after this, in milliseconds. */
const STOPPED_MS = 2_500;
const LOOK_MS = 250;
/** All of them start at once when the storm is over, on a machine that may have other things to do. */
const FILLED_MS = 120_000;

export async function fillPlaces(
  mesh: TestMesh,
  slots: readonly Slot[],
  brokerPort: () => number,
  envOf: (slot: Slot) => Readonly<Record<string, string>>,
): Promise<Places> {
  let isHealing = false;
  let ended = 0;
  const fillers = new Set<Promise<unknown>>();

  const fill = async (slot: Slot): Promise<Place & { refill(): Promise<void> }> => {
    const proxy = isBehindProxy(slot) ? await startProxy(brokerPort()) : undefined;
    const env = { ...envOf(slot), ...(proxy === undefined ? {} : { NATS_URL: proxy.url }) };
    let service: TestService | undefined;
    let backMs = 0;
    let faults: string | undefined;
    let isPaused = false;
    let stoppedSince: number | undefined;

    const start = async (): Promise<void> => {
      const given = isHealing || faults === undefined ? env : { ...env, JM_FAULTS: faults };
      faults = undefined;
      // While the broker is away a process waits for it; whoever gives up first is started again.
      const started = await mesh.start(slot.service, given).catch(() => undefined);
      if (started === undefined) return again(500);
      service = started;
      isPaused = false;
      void started.gone.then(() => {
        if (service !== started) return;
        service = undefined;
        ended += 1;
        void again(backMs);
      });
    };
    const again = async (afterMs: number): Promise<void> => {
      if (afterMs > 0 && !isHealing) await new Promise((resolve) => setTimeout(resolve, afterMs));
      backMs = 200;
      const starting = start();
      fillers.add(starting);
      await starting.finally(() => fillers.delete(starting));
    };
    await start();

    const look = setInterval(() => {
      if (service === undefined || isPaused || !service.isStopped()) {
        stoppedSince = undefined;
        return;
      }
      stoppedSince ??= performance.now();
      if (performance.now() - stoppedSince > STOPPED_MS) service.signal("SIGCONT");
    }, LOOK_MS);
    look.unref();

    return {
      slot,
      proxy,
      get service() {
        return service;
      },
      async kill(afterMs, next) {
        backMs = afterMs;
        faults = next;
        await service?.kill();
      },
      pause() {
        isPaused = true;
        service?.signal("SIGSTOP");
      },
      resume() {
        isPaused = false;
        service?.signal("SIGCONT");
      },
      async refill() {
        // One with a fault still in it ends here, so that the storm is over when it is over.
        await service?.kill();
      },
    };
  };

  const all = await Promise.all(slots.map(fill));
  const byName = new Map(all.map((place) => [slotName(place.slot), place]));
  return {
    all,
    get ended() {
      return ended;
    },
    find(slot) {
      const place = byName.get(slotName(slot));
      if (place === undefined) throw new Error(`there is no place ${slotName(slot)}`);
      return place;
    },
    async heal() {
      isHealing = true;
      for (const place of all) {
        place.proxy?.thaw();
        place.resume();
      }
      await Promise.all(all.map((place) => place.refill()));
      const until = performance.now() + FILLED_MS;
      while (all.some(({ service }) => service === undefined)) {
        if (performance.now() > until) throw new Error("not every place could be filled again");
        await Promise.race([...fillers, new Promise((resolve) => setTimeout(resolve, 100))]);
      }
    },
  };
}
