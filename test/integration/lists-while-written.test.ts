import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerTo, makeJet, SWITCH_STATES, switchTemplate } from "../support/required-jets.ts";

/** What is written while a list is read moves to the end of its stream: it is listed all the same, and once. */
const JETS = 600;
const BUSY = 30;
const LISTS = 20;
const nameOf = (n: number): string => `jet${String(n)}`;
const ALL = Array.from({ length: JETS }, (_, n) => nameOf(n)).toSorted();
let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "lifecycle-ticker": 0, "flight-plan-runner": 0 } });
  root = await mesh.client();
  await applyDocuments(root, [...SWITCH_STATES, switchTemplate("switch"), switchTemplate("other")]);
  // The busy ones are the oldest: each of them is passed on its way to the end.
  for (let n = 0; n < BUSY; n += 1) expect(await makeJet(root, "switch", nameOf(n))).toBe("SUCCESS");
  await applyDocuments(
    root,
    ALL.filter((name) => Number(name.slice(3)) >= BUSY).map((reference) => ({
      apiVersion: "jetmesh/v1",
      kind: "Jet",
      reference,
      template: "other",
    })),
  );
}, 60_000);
afterAll(() => mesh.stop());

async function whileWritten<T>(doing: () => Promise<T>): Promise<T> {
  const watch = { isOver: false };
  const writing = Array.from({ length: BUSY }, async (_, n) => {
    while (!watch.isOver) for (const action of ["start", "stop"]) await answerTo(root, nameOf(n), action);
  });
  try {
    return await doing();
  } finally {
    watch.isOver = true;
    await Promise.all(writing);
  }
}

const pageOf = async (): Promise<string[]> => {
  const { items } = await root.request<{ items: { reference: string }[] }>("jet.list", { limit: JETS });
  return items.map(({ reference }) => reference).toSorted();
};

test("a page has every jet, and none twice", async () => {
  const pages = await whileWritten(async () => {
    const found: string[][] = [];
    for (let n = 0; n < LISTS; n += 1) found.push(await pageOf());
    return found;
  });
  for (const page of pages) expect(page).toEqual(ALL);
});

test("pages one after another miss no jet, and an export has each once", async () => {
  await whileWritten(async () => {
    const seen = new Set<string>();
    for await (const { reference } of root.pages("jet.list", { limit: 100 })) {
      seen.add(reference);
      if (seen.size === JETS) break;
    }
    expect([...seen].toSorted()).toEqual(ALL);
    const { items } = await root.request<{ items: { reference: string }[] }>("export", {
      kinds: ["Jet"],
      limit: JETS,
    });
    expect(items.map(({ reference }) => reference).toSorted()).toEqual(ALL);
  });
});
