import { takeOverText } from "./markdown.ts";
import type { Report } from "./summary.ts";

/** What a person at the terminal gets: the same figures, in columns. */
export function linesOf(report: Report): string[] {
  const lines = [
    `one-step no-op plan, trigger to ended and known; Node ${report.machine.node}, load before ${report.machine.loadBefore.join(" ")}`,
    "",
    columns("engine", ["in flight", "jobs/s", "p50 ms", "p99 ms", "µs a job", "MB", "us ÷ it"]),
  ];
  for (const { name, rows } of report.engines) {
    for (const row of rows) {
      const cells = [
        String(row.inFlight),
        String(row.rate),
        row.p50.toFixed(2),
        row.p99.toFixed(2),
        String(row.cpuUs.server + row.cpuUs.worker),
        String(row.memoryMb),
        row.ratioToUs === undefined ? "" : row.ratioToUs.toFixed(2),
      ];
      lines.push(columns(name, cells));
    }
  }
  const taken = report.engines.filter(({ takeOver }) => takeOver !== undefined);
  if (taken.length > 0)
    lines.push("", "a worker is killed in the middle of a job; another has begun it again after");
  for (const { name, takeOver } of taken)
    if (takeOver !== undefined) lines.push(`  ${name.padEnd(20)} ${takeOverText(takeOver)} (${takeOver.by})`);
  if (report.writesPerAction > 0) lines.push("", `acknowledged writes per action: ${report.writesPerAction}`);
  for (const { engine, reason } of report.leftOut) lines.push(`not measured: ${engine}: ${reason}`);
  return lines;
}

const columns = (name: string, cells: readonly string[]): string =>
  `  ${name.padEnd(20)}${cells.map((cell) => cell.padStart(10)).join("")}`;
