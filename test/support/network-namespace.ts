import { execFileSync } from "node:child_process";

/** A network namespace with one link to this one; both are this test's own and gone with it. */
export interface Namespace extends Disposable {
  readonly name: string;
  /** This end's address: only the two ends of the link reach it. */
  readonly host: string;
  /** The other end's. */
  readonly farHost: string;
  setLink(state: "up" | "down"): void;
}

const ip = (...args: string[]): void =>
  void execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

export function createNamespace(): Namespace {
  const name = `jm-${String(process.pid)}`;
  const [near, far] = [`jm${String(process.pid)}a`, `jm${String(process.pid)}b`];
  // A net of four addresses out of those set aside for tests of networks, by the process: two runs do not meet.
  const net = `198.18.${String((process.pid >> 6) & 255)}`;
  const first = (process.pid & 63) * 4;
  const host = `${net}.${String(first + 1)}`;
  const farHost = `${net}.${String(first + 2)}`;
  const remove = (): void => {
    for (const args of [
      ["link", "del", near],
      ["netns", "del", name],
    ]) {
      try {
        ip(...args);
      } catch {
        // It was never made, or went with the other.
      }
    }
  };
  try {
    ip("netns", "add", name);
    ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name);
    ip("addr", "add", `${host}/30`, "dev", near);
    ip("link", "set", near, "up");
    ip("-n", name, "addr", "add", `${farHost}/30`, "dev", far);
    ip("-n", name, "link", "set", far, "up");
  } catch (thrown) {
    remove();
    throw thrown;
  }
  return {
    name,
    host,
    farHost,
    setLink: (state) => ip("-n", name, "link", "set", far, state),
    [Symbol.dispose]: remove,
  };
}
