import type { EngineReport, EngineRow, Report, Slice } from "../report/summary.ts";

/** Small reports and slices for tests of what is made of them. */
export const slice = (
  engine: string,
  inFlight: number,
  latencies: readonly number[],
  rest: Partial<Slice> = {},
): Slice => ({
  engine,
  round: 0,
  inFlight,
  latencies: Float64Array.from(latencies),
  tookMs: 1_000,
  cpuMs: { server: 10, worker: 20, load: 5 },
  memoryBytes: { server: 10 * 1024 ** 2, worker: 5 * 1024 ** 2, load: 1024 ** 2 },
  ...rest,
});

export const row = (inFlight: number, rate: number, rest: Partial<EngineRow> = {}): EngineRow => ({
  inFlight,
  rate,
  p50: 1.5,
  p99: 12.4,
  rates: [rate, rate],
  cpuUs: { server: 100, worker: 50, load: 20 },
  memoryMb: 120,
  ...rest,
});

export const engine = (name: string, sync: EngineReport["sync"], rates: readonly number[]): EngineReport => ({
  engine: name.replace(/[ ()]+/g, "-").replace(/-$/, ""),
  name,
  sync,
  durability: "on the disk",
  versions: { server: "1.2.3" },
  rows: rates.map((rate, at) => row([1, 16, 64, 256][at] ?? at, rate)),
  idleCpuPercent: 0.4,
  stoodStill: false,
});

export const report = (engines: readonly EngineReport[], rest: Partial<Report> = {}): Report => ({
  modes: {},
  writesPerAction: 8,
  engines,
  leftOut: [],
  notMeasured: ["payloads"],
  machine: {
    cores: 2,
    processor: "a processor",
    memoryGb: 24,
    system: "Linux",
    node: "24.0.0",
    loadBefore: [0.1, 0.2, 0.3],
    fileSystem: "ext4",
    commit: "abc1234",
    at: "2026-11-25T10:00:00.000Z",
  },
  run: { seconds: 3, rounds: 3, warmUpSeconds: 0.75 },
  ...rest,
});
