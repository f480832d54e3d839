import { Health, hashOfKey, type Names } from "@jetmesh/protocol";
import { type Connection, readJson, survey } from "@jetmesh/storage";

/**
 * Which processes of a service there are, as they answer for their health once a second, and which of them is to be
 * asked about a key: always the same one while none comes or goes, so that what it remembers of that key holds. Nothing
 * hangs on it: whoever is asked judges by what is stored, and where nobody is known any will do.
 */
export interface Members {
  /** Undefined where it does not matter: none is known, or one alone. */
  ownerOf(key: string): string | undefined;
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;

export function watchMembers(connection: Connection, names: Names, service: string): Members {
  let members: readonly string[] = [];
  let heard = new Set<string>();
  const health = survey(connection, (data) => {
    const read = Health.safeParse(readJson(data));
    if (read.success) heard.add(read.data.instance);
  });
  const ask = (): void => {
    members = [...heard].sort();
    heard = new Set();
    health.ask(names.svc.of(service, "health"));
  };
  ask();
  const timer = setInterval(ask, EVERY_MS);
  timer.unref();
  return {
    ownerOf: (key) => (members.length < 2 ? undefined : highest(members, key)),
    async stop() {
      clearInterval(timer);
      await health.stop();
    },
  };
}

/** Rendezvous hashing: who comes or goes changes the owner of its own share of the keys alone. */
export function highest(members: readonly string[], key: string): string | undefined {
  let best: string | undefined;
  let most = -1;
  for (const member of members) {
    const weight = hashOfKey(`${key} ${member}`);
    if (weight > most) [best, most] = [member, weight];
  }
  return best;
}
