import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FAULT_POINTS, type FaultPoint } from "@jetmesh/storage";
import { faultsOf } from "@jetmesh/testkit";
import { expect, test } from "vitest";
import { casesOf, ELSEWHERE } from "../chaos/faults/every-point.ts";
import { ROOT } from "../support/repository.ts";

/** A write cannot be made without its name: the type system asks for it. These hold the rest. */
const points = Object.keys(FAULT_POINTS) as FaultPoint[];
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const SOURCES = ["packages", "services"]
  .flatMap((parent) => readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}/src`))
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  )
  .filter((file) => file.endsWith(".ts"));

test("every write and every acknowledgement has faults that go through it, or names the test that does", () => {
  const services = ["state-store", "flight-plan-runner", "lifecycle-ticker"] as const;
  const gone = new Set(services.flatMap(casesOf).map(({ fault }) => fault.slice(0, fault.indexOf("/"))));
  expect([...gone, ...Object.keys(ELSEWHERE)].toSorted()).toEqual(points.toSorted());
  for (const [point, where] of Object.entries(ELSEWHERE)) {
    const file = /test\/\S+\.test\.ts/.exec(where)?.[0];
    if (file !== undefined) expect(read(file), `${file} says nothing of ${point}`).toContain(point);
  }
});

test("each is made by whom the table says, and by nobody else", () => {
  const makers = new Map<string, Set<string>>();
  for (const file of SOURCES) {
    // The gateway writes nothing (I9); its endpoints have names that look alike.
    if (file.endsWith("/write-points.ts") || file.startsWith("services/gateway/")) continue;
    for (const [, point = ""] of read(file).matchAll(/"([a-z-]+\.[a-z-]+)"/g)) {
      if (!Object.hasOwn(FAULT_POINTS, point)) continue;
      // What runs actions is the runner's, whichever program it is part of.
      const folder = file.startsWith("packages/runner/")
        ? "services/flight-plan-runner"
        : file.split("/").slice(0, 2).join("/");
      makers.set(point, (makers.get(point) ?? new Set()).add(folder));
    }
  }
  for (const point of points) {
    const own = [...(makers.get(point) ?? [])].filter((folder) => folder.startsWith("services/"));
    const named = FAULT_POINTS[point].by.map((service) => `services/${service}`);
    expect(
      own.filter((folder) => !named.includes(folder)),
      `${point} is made by others than ${named.join()}`,
    ).toEqual([]);
    expect(makers.has(point), `nobody makes ${point}`).toBe(true);
  }
});

test("what reaches the broker goes through the writers that ask for a name, or is no write", () => {
  const reached = SOURCES.filter((file) => !file.startsWith("packages/testkit/")).filter((file) =>
    /outbox\.publish\(|pipeline\.call\(|pipeline\s*\.request\(|\b(?:nc|js)\.publish\(/.test(read(file)),
  );
  expect(reached.toSorted()).toEqual(
    [
      // Writes, each with the name of its point, and acknowledgements with theirs.
      "packages/storage/src/writer.ts",
      "packages/storage/src/group-commit.ts",
      "packages/storage/src/batch.ts",
      "packages/storage/src/stored-messages.ts",
      "packages/storage/src/queue.ts",
      // The way there, questions and answers, reads.
      "packages/storage/src/offer-action.ts",
      "packages/storage/src/pipeline.ts",
      "packages/storage/src/requests.ts",
      "packages/storage/src/ack-latency.ts",
      "packages/storage/src/consumer-states.ts",
      "packages/storage/src/bucket.ts",
      "packages/storage/src/follow.ts",
      "packages/storage/src/broker-clock.ts",
      "packages/service-kit/src/judge-holder.ts",
      "packages/service-kit/src/start-service.ts",
      "services/lifecycle-ticker/src/holders.ts",
    ].toSorted(),
  );
});

test("docs/faults.md lists them all, who makes them, the sentence of the design, and what can go wrong there", () => {
  const [, section = ""] = /^## The points$(.*?)^## /ms.exec(read("docs/faults.md")) ?? [];
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
  expect(rows).toEqual(
    points.map((point) => [
      point,
      FAULT_POINTS[point].by.join(", "),
      FAULT_POINTS[point].serves,
      ELSEWHERE[point] ??
        `test/chaos/faults: ${String(faultsOf(point).length)} faults for each of who makes it`,
    ]),
  );
});
