import { defineConfig } from "vitest/config";

/** Unit tests use no broker; integration and e2e tests start a real nats-server (NATS_SERVER names it). */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{protocol,packages/*,services/*}/test/**/*.test.ts",
            "scripts/test/**/*.test.ts",
            "test/bench/**/*.test.ts",
          ],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Each file runs a server of its own, and waits for it more than half of its time: three share two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/support/nats-binary.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Whole meshes of processes: one at a time, or their time limits measure the machine.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          // Longer than `npm test` has time for: run by `npm run test:chaos`.
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
