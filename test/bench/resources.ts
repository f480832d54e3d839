/** What was started and has to be stopped, whatever happens; the last first. */
export interface Resources {
  /** Whether it is being stopped: what fails from now on is no news. */
  isClosing(): boolean;
  add(what: string, stop: () => Promise<unknown> | undefined): void;
  /** Stops everything once, also where some of it fails to stop. */
  close(): Promise<void>;
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export function createResources(say: (line: string) => void): Resources {
  const open: { what: string; stop: () => Promise<unknown> | undefined }[] = [];
  let closing: Promise<void> | undefined;

  const closeAll = async (): Promise<void> => {
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      try {
        await next.stop();
      } catch (thrown) {
        say(`${next.what} could not be stopped: ${String(thrown)}`);
      }
    }
  };
  const close = (): Promise<void> => (closing ??= closeAll());
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    // Ctrl-C comes two or three times, from the terminal, npm and the bootstrap: the first is enough.
    process.on(signal, () => {
      if (closing === undefined) say(`${signal}: stopping what runs`);
      void close().then(() => process.exit(exitCode));
    });
  }
  return {
    add(what, stop) {
      // Started while all else is being stopped: it goes as well.
      if (closing === undefined) open.push({ what, stop });
      else void Promise.resolve(stop()).catch(() => undefined);
    },
    isClosing: () => closing !== undefined,
    close,
  };
}
