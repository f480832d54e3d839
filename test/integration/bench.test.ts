// `npm run bench` as a command: its object is what programs read, and our figures need no peer.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/repository.ts";
import { runScript } from "../support/run-script.ts";

const bench = (...args: string[]): ReturnType<typeof runScript> =>
  runScript(join(ROOT, "test/bench/mesh.bench.ts"), args);

test("with us alone it ends with one object: rows of each mode, writes an action, and what it cost", async () => {
  const out = mkdtempSync(join(tmpdir(), "jm-bench-out-"));
  try {
    const args = [
      "--only",
      "jetmesh",
      "--seconds",
      "1",
      "--rounds",
      "1",
      "--inFlight",
      "4",
      "--modes",
      "default",
    ];
    const { code, lines, problem } = await bench(...args, "--json", "--out", out);
    expect(code, problem).toBe(0);
    const number = expect.any(Number) as number;
    const found = JSON.parse(lines.at(-1) ?? "") as { modes: { default: { rate: number }[] } };
    expect(found).toMatchObject({
      modes: { default: [{ inFlight: 4, rate: number, p50: number, p99: number }] },
      // Exactly six in a quiet mesh, as once-only.test.ts has it; on a busy machine something of before may come late.
      writesPerAction: expect.closeTo(6, 0) as number,
      engines: [
        {
          engine: "jetmesh-default",
          sync: "lazy",
          versions: { "nats-server": expect.stringMatching(/^\d+\.\d+/) as string },
          rows: [{ inFlight: 4, cpuUs: { server: number, worker: number, load: number }, memoryMb: number }],
        },
      ],
      leftOut: [],
    });
    expect(Object.keys(found.modes)).toEqual(["default"]);
    expect(found.modes.default[0]?.rate).toBeGreaterThan(0);
    expect(readdirSync(out).sort()).toEqual(["report.json", "report.md", "report.svg"]);
    expect(readFileSync(join(out, "report.md"), "utf8")).toContain("| jetmesh (default) |");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}, 60_000);

test.each([
  [["--only", "bullmq"], "--only is 'jetmesh'"],
  [["--engines", "temporal"], "there is no temporal"],
])("a command line that is wrong, %j, is told so with 2, and nothing is started", async (args, says) => {
  const { code, problem } = await bench(...args);
  expect(code).toBe(2);
  expect(problem).toContain(says);
});
