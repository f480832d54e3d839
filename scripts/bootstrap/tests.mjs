// vitest, and one line that sums it up for people and machines.
import fs from "node:fs";
import path from "node:path";
import { toolScript } from "./checks.mjs";
import { NODE } from "./node-runtime.mjs";
import { CACHE, readJson } from "./paths.mjs";
import { runInTurn } from "./processes.mjs";

/** Counts of vitest's report. A file that fails without a failed test (it could not be loaded) counts as one. */
export function countTests(report) {
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export async function runTests(args, env) {
  const reportFile = path.join(CACHE, `test-report-${process.pid}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  let exitCode;
  try {
    exitCode = await runInTurn(NODE, [toolScript("vitest", "vitest"), "run", ...reporters, ...args], { env });
    const hasReport = fs.existsSync(reportFile);
    const { passed, failed, skipped } = hasReport
      ? countTests(readJson(reportFile))
      : { passed: 0, failed: 1, skipped: 0 };
    process.stdout.write(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    return exitCode || (failed > 0 ? 1 : 0);
  } finally {
    fs.rmSync(reportFile, { force: true });
  }
}
