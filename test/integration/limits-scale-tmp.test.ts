import { readFileSync } from "node:fs";
import { applyDocuments, eventually, loopDocuments, planDocument, startMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";
import { countsOf, limitDocument, nobodyHolds } from "../support/limited-runs.ts";

test("scale", async () => {
  const mesh = await startMesh({ services: { "state-store": 2, "flight-plan-runner": 3 } });
  const root = await mesh.client();
  const rss = () =>
    mesh.services
      .map(
        ({ name, pid }) =>
          `${name} ${Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024)}`,
      )
      .join(", ");
  await applyDocuments(root, [limitDocument("some", { concurrency: 50 })]);
  const docs = loopDocuments([], {}, "scale").filter(({ kind }) => kind !== "Plan");
  await applyDocuments(root, [
    planDocument(
      "scale_turn",
      [1, 2, 3, 4, 5].map((n) => ({ reference: `s${n}`, wait: 0 })),
      { limits: process.env.NOLIMIT ? undefined : ["some"] },
    ),
    ...docs,
  ]);
  const N = 3000;
  const jets = Array.from({ length: N }, (_, n) => `j${n}`);
  let at = performance.now();
  for (let i = 0; i < N; i += 200)
    await Promise.all(
      jets
        .slice(i, i + 200)
        .map((reference) => root.request("jet.create", { template: "scale", reference, wait: true })),
    );
  console.log("made", performance.now() - at, rss());
  at = performance.now();
  for (let i = 0; i < N; i += 200)
    await Promise.all(jets.slice(i, i + 200).map((jet) => root.publishTrigger(jet, "turn")));
  console.log("published", performance.now() - at);
  let n = 0;
  await eventually(
    "all",
    async () => {
      const c = await countsOf(root, "some").catch(() => ({ running: -1, waiting: -1, retrying: -1 }));
      n += 1;
      if (n % 4 === 0) console.log(Math.round(performance.now() - at), JSON.stringify(c), rss());
      const { state } = await root.connection.jsm.streams.info("JM_HISTORY");
      return state.messages >= 2 * N ? true : undefined;
    },
    { withinMs: 70_000, everyMs: 500 },
  );
  console.log("ended", performance.now() - at, rss());
  await nobodyHolds(root);
  console.log(
    mesh
      .logs()
      .split("\n")
      .filter((l) => /"level":[45]0/.test(l))
      .slice(0, 20)
      .join("\n"),
  );
  await mesh.stop();
}, 300_000);
