import { type Logger, pino } from "pino";

export type { Logger };

/** One line of JSON per event on standard output; fields have fixed names: `jet`, `action`, `runner`, `subject`. */
export function createLogger(service: string, instance: string, level: string): Logger {
  return pino({ level, base: { service, instance }, timestamp: pino.stdTimeFunctions.isoTime });
}
