import { spawn } from "node:child_process";
import { join } from "node:path";
import type { ServiceName } from "../doctor/services.ts";
import { type Environment, ROOT } from "../settings.ts";
import type { Store } from "./store.ts";
import { type Launched, type Supervised, supervise } from "./supervise.ts";

/** A service drains for up to 10 s by itself. */
const GRACE_MS = 20_000;

/** Starts a service as a process of its own, which ends itself when the channel to us is gone. */
export function startService(
  name: ServiceName,
  given: {
    readonly store: Store;
    /** Of its log, where there are several of the service. */
    readonly label: string;
    readonly env: Environment;
    readonly note: (line: string) => void;
  },
): Supervised {
  const { label, env } = given;
  const log = given.store.openLog(label);
  const launch = (): Launched => {
    const child = spawn(process.execPath, [join(ROOT, "services", name, "src/main.ts")], {
      // Paths in plans are relative to where the runner was started.
      cwd: ROOT,
      // Not in the terminal's group: a Ctrl-C would end it before its turn.
      detached: true,
      stdio: ["ignore", log.fd, log.fd, "ipc"],
      env,
    });
    let reason: string | undefined;
    const ready = new Promise<void>((resolve) => {
      child.on("message", (message: { readonly ready?: string; readonly message?: string }) => {
        if (message.ready === undefined) reason = message.message;
        else resolve();
      });
    });
    return { child, ready, reason: () => reason };
  };
  return supervise({ label, log, launch, graceMs: GRACE_MS, onRestart: given.note });
}
