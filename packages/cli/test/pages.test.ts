import type { MeshClient } from "@jetmesh/client";
import { expect, it } from "vitest";
import { listAll } from "../src/pages.ts";

interface Thing {
  readonly reference?: string;
  readonly id?: string;
  readonly at: number;
}

/** Answers with one page after another, and remembers how many of each were asked for. */
function answering(pages: readonly (readonly Thing[])[]): {
  client: Pick<MeshClient, "request">;
  asked: number[];
} {
  const asked: number[] = [];
  const request = (_endpoint: string, { limit }: { limit: number }): Promise<unknown> => {
    const items = pages[asked.push(limit) - 1] ?? [];
    return Promise.resolve({
      items,
      ...(asked.length < pages.length ? { cursor: String(asked.length) } : {}),
    });
  };
  return { client: { request } as Pick<MeshClient, "request">, asked };
}

it("lists what changes between two pages once, as it was on the later one", async () => {
  const a = (at: number): Thing => ({ reference: "a", at });
  const { client } = answering([
    [a(1), { reference: "b", at: 2 }],
    [{ reference: "c", at: 3 }, a(4)],
  ]);
  const { items } = await listAll<Thing>(client, "jet.list", {}, { limit: 10, timeoutMs: undefined });
  expect(items).toEqual([{ reference: "b", at: 2 }, { reference: "c", at: 3 }, a(4)]);
});

it("asks for as many more as there is room for, what came twice not counted", async () => {
  const one = (id: string, at: number): Thing => ({ id, at });
  const { client, asked } = answering([[one("a", 1), one("b", 2)], [one("a", 3)], [one("c", 4)]]);
  const { items } = await listAll<Thing>(client, "action.list", {}, { limit: 3, timeoutMs: undefined });
  expect(asked).toEqual([3, 1, 1]);
  expect(items.map(({ id }) => id)).toEqual(["b", "a", "c"]);
});
