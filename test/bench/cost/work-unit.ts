import { hash } from "node:crypto";

/**
 * A piece of work that is always the same and like what our services do: JSON read and written, text made, a hash. How
 * much CPU it takes tells how quick this machine is at this moment, so that the CPU of an action can be told in units
 * of it, on any machine, in any load.
 */
const RECORD = JSON.stringify({
  v: 1,
  id: "0123456789abcdef0123456789",
  user: "somebody",
  definition: { variables: { port: 8080, name: "a name", list: [1, 2, 3, 4, 5] } },
  transitions: Array.from({ length: 4 }, (_, n) => ({ to: "SLEEPING", at: "2026-01-01T00:00:00.000Z", n })),
});
const UNITS = 20_000;

/** Microseconds of user and system time for one unit. */
export function unitUs(): number {
  const before = process.cpuUsage();
  let length = 0;
  for (let n = 0; n < UNITS; n += 1) {
    const record = JSON.parse(RECORD) as Record<string, unknown>;
    length += JSON.stringify({ ...record, n }).length + hash("sha256", String(n), "hex").length;
  }
  const { user, system } = process.cpuUsage(before);
  if (length === 0) throw new Error("nothing was done");
  return (user + system) / UNITS;
}
