import type { Sync } from "../engine.ts";
import type { Machine } from "../machine.ts";
import { median, quantile, round } from "./statistics.ts";

export interface ByRole {
  readonly server: number;
  readonly worker: number;
  readonly load: number;
}

/** One engine at one load in one round. */
export interface Slice {
  readonly engine: string;
  readonly round: number;
  readonly inFlight: number;
  /** Of the jobs that ended in it, in ms. */
  readonly latencies: Float64Array;
  readonly tookMs: number;
  readonly cpuMs: ByRole;
  readonly memoryBytes: ByRole;
}

/** What `npm run bench` has always said of us. */
export interface Row {
  readonly inFlight: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

export interface EngineRow extends Row {
  /** The slowest and the fastest round. */
  readonly rates: readonly [number, number];
  /** User and system time for one job, by process. */
  readonly cpuUs: ByRole;
  /** The most that its server and worker held at the end of a slice. */
  readonly memoryMb: number;
  /** Our rate divided by its rate, in the same run, synced against synced and lazy against lazy. */
  readonly ratioToUs?: number;
  /** Its p50 divided by ours. */
  readonly p50RatioToUs?: number;
}

export interface TakeOver {
  /** Null where nobody had taken over within the bound. */
  readonly ms: number | null;
  readonly boundMs: number;
  readonly by: string;
}

export interface EngineReport {
  readonly engine: string;
  readonly name: string;
  readonly sync: Sync;
  readonly durability: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly EngineRow[];
  readonly idleCpuPercent: number;
  readonly stoodStill: boolean;
  readonly takeOver?: TakeOver;
}

export interface Report {
  readonly modes: Readonly<Record<string, readonly Row[]>>;
  readonly writesPerAction: number;
  readonly engines: readonly EngineReport[];
  readonly leftOut: readonly { readonly engine: string; readonly reason: string }[];
  readonly notMeasured: readonly string[];
  readonly machine: Machine;
  readonly run: { readonly seconds: number; readonly rounds: number; readonly warmUpSeconds: number };
}

/** The rows of one engine, one for each load that has a slice. */
export function rowsOf(slices: readonly Slice[]): EngineRow[] {
  return [...Map.groupBy(slices, ({ inFlight }) => inFlight)].map(([inFlight, own]) => rowOf(inFlight, own));
}

function rowOf(inFlight: number, slices: readonly Slice[]): EngineRow {
  const count = slices.reduce((sum, { latencies }) => sum + latencies.length, 0);
  const all = new Float64Array(count);
  let at = 0;
  for (const { latencies } of slices) {
    all.set(latencies, at);
    at += latencies.length;
  }
  all.sort();
  const rates = slices.map(({ latencies, tookMs }) => (latencies.length / tookMs) * 1_000);
  const perJob = (role: keyof ByRole): number =>
    count === 0 ? 0 : round((slices.reduce((sum, { cpuMs }) => sum + cpuMs[role], 0) * 1_000) / count, 0);
  const memory = slices.map(({ memoryBytes }) => memoryBytes.server + memoryBytes.worker);
  return {
    inFlight,
    rate: rounded(median(rates)),
    p50: round(quantile(all, 0.5)),
    p99: round(quantile(all, 0.99)),
    rates: [rounded(Math.min(...rates)), rounded(Math.max(...rates))],
    cpuUs: { server: perJob("server"), worker: perJob("worker"), load: perJob("load") },
    memoryMb: round(Math.max(...memory) / 1024 ** 2, 0),
  };
}

/** Whole numbers, but for an engine that does a few a second. */
const rounded = (rate: number): number => round(rate, rate < 10 ? 1 : 0);

/** Our rows with the same durability, for a ratio that means something. */
export function withRatios(rows: readonly EngineRow[], ours: readonly Row[]): EngineRow[] {
  return rows.map((row) => {
    const us = ours.find(({ inFlight }) => inFlight === row.inFlight);
    if (us === undefined || row.rate === 0 || us.p50 === 0) return row;
    return { ...row, ratioToUs: round(us.rate / row.rate), p50RatioToUs: round(row.p50 / us.p50) };
  });
}

export const plainRow = ({ inFlight, rate, p50, p99 }: EngineRow): Row => ({ inFlight, rate, p50, p99 });
