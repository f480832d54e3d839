import type { EngineReport, EngineRow, Report, TakeOver } from "./summary.ts";

/** The first column is text; the others are figures, where not told otherwise. */
const table = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
  rest: "figures" | "text" = "figures",
): string[] => [
  `| ${head.join(" | ")} |`,
  `| ${head.map((_, at) => (at === 0 || rest === "text" ? "---" : "---:")).join(" | ")} |`,
  ...rows.map((row) => `| ${row.join(" | ")} |`),
];

/** 12 345, with a narrow space as in the rest of the documentation. */
export const grouped = (value: number): string =>
  Number.isInteger(value) ? String(value).replace(/\B(?=(\d{3})+$)/g, " ") : value.toFixed(1);

const ms = (value: number): string => (value < 10 ? value.toFixed(1) : grouped(Math.round(value)));
const times = (value: number | undefined): string => (value === undefined ? "–" : `${value.toFixed(2)}×`);

/** The whole report for people. */
export function markdownOf(report: Report): string {
  const { engines } = report;
  const levels = [...new Set(engines.flatMap(({ rows }) => rows.map(({ inFlight }) => inFlight)))];
  return [
    ...heading(report),
    ...perClass(engines, "synced", "Synced: on the disk before the caller knows", levels),
    ...perClass(engines, "lazy", "Lazily synced: a power loss may take the last moments", levels),
    ...costs(engines),
    ...takeOvers(engines),
    ...setUp(report),
    ...notMeasured(report),
    "",
  ].join("\n");
}

function heading({ machine, run }: Report): string[] {
  return [
    "# Benchmark",
    "",
    `One job: trigger, durable claim, a step that does nothing, success recorded and known to the caller. ${run.rounds === 1 ? "One round" : `${run.rounds} rounds`} of ${run.seconds} s an engine and load after ${run.warmUpSeconds} s of warm-up, interleaved; everything on one machine.`,
    "",
    `${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB, ${machine.system}, data on ${machine.fileSystem}, Node ${machine.node}, commit ${machine.commit}, ${machine.at.slice(0, 10)}. Load average before: ${machine.loadBefore.join(", ")}.`,
    ...(busy(machine) ? ["", "**The machine was not quiet: take the figures for their order.**"] : []),
  ];
}

const busy = ({ loadBefore, cores }: Report["machine"]): boolean => (loadBefore[0] ?? 0) > cores / 2;

function perClass(
  engines: readonly EngineReport[],
  sync: EngineReport["sync"],
  title: string,
  levels: readonly number[],
): string[] {
  const own = engines.filter((engine) => engine.sync === sync && engine.rows.length > 0);
  if (own.length === 0) return [];
  const cell = (row: EngineRow | undefined): string =>
    row === undefined ? "–" : `${grouped(row.rate)} (${ms(row.p50)} / ${ms(row.p99)})`;
  const at = ({ rows }: EngineReport, level: number): EngineRow | undefined =>
    rows.find(({ inFlight }) => inFlight === level);
  const peers = own.filter(({ engine }) => !engine.startsWith("jetmesh"));
  const ratios = table(
    ["Jetmesh's rate ÷ its rate", ...levels.map((level) => `${level} in flight`)],
    peers.map((engine) => [engine.name, ...levels.map((level) => times(at(engine, level)?.ratioToUs))]),
  );
  return [
    "",
    `## ${title}`,
    "",
    "Jobs a second (p50 / p99 in ms):",
    "",
    ...table(
      ["engine", ...levels.map((level) => `${level} in flight`)],
      own.map((engine) => [engine.name, ...levels.map((level) => cell(at(engine, level)))]),
    ),
    ...(peers.some(({ rows }) => rows.some(({ ratioToUs }) => ratioToUs !== undefined))
      ? ["", ...ratios]
      : []),
  ];
}

function costs(engines: readonly EngineReport[]): string[] {
  const rows = engines.flatMap(({ name, rows: own, idleCpuPercent, stoodStill }) => {
    const most = own.at(-1);
    if (most === undefined) return [];
    const { cpuUs } = most;
    return [
      [
        `${name}, ${most.inFlight} in flight`,
        grouped(cpuUs.server + cpuUs.worker),
        grouped(cpuUs.server),
        grouped(cpuUs.worker),
        grouped(cpuUs.load),
        grouped(Math.max(...own.map(({ memoryMb }) => memoryMb))),
        `${idleCpuPercent.toFixed(1)} %${stoodStill ? " (stopped between its turns)" : ""}`,
      ],
    ];
  });
  return [
    "",
    "## CPU and memory",
    "",
    "User and system time for one job in µs; the caller's own is not in the sum. Memory is what server and worker held at most.",
    "",
    ...table(["engine", "µs a job", "server", "worker", "caller", "memory MB", "one core at rest"], rows),
  ];
}

export const takeOverText = ({ ms: taken, boundMs }: TakeOver): string =>
  taken === null ? `not within ${boundMs / 1_000} s` : `${(taken / 1_000).toFixed(1)} s`;

function takeOvers(engines: readonly EngineReport[]): string[] {
  const rows = engines.flatMap(({ name, takeOver }) =>
    takeOver === undefined ? [] : [[name, takeOverText(takeOver), takeOver.by]],
  );
  if (rows.length === 0) return [];
  return [
    "",
    "## A worker is killed in the middle of a job",
    "",
    "From SIGKILL until another worker, which stood by, has begun the job again. Every engine has its defaults.",
    "",
    ...table(["engine", "taken over after", "what decides"], rows, "text"),
  ];
}

function setUp({ engines }: Report): string[] {
  const versions = (of: Readonly<Record<string, string>>): string =>
    Object.entries(of)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ");
  return [
    "",
    "## Durability and versions",
    "",
    ...table(
      ["engine", "when the caller knows", "versions"],
      engines.map((engine) => [engine.name, engine.durability, versions(engine.versions)]),
      "text",
    ),
  ];
}

function notMeasured({ notMeasured: lines, leftOut }: Report): string[] {
  return [
    "",
    "## Not measured",
    "",
    ...leftOut.map(({ engine, reason }) => `- **${engine}**: ${reason}`),
    ...lines.map((line) => `- ${line}`),
  ];
}
