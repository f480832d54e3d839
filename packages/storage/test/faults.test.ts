import { describe, expect, it } from "vitest";
import { parseFaults } from "../src/index.ts";

/** What strikes at the first so many times that a point is passed. */
async function strikes(specification: string, about: readonly string[]): Promise<string[]> {
  const faults = parseFaults(specification);
  const found: string[] = [];
  for (const text of about) found.push((await faults.suffer("jet.accept", "after", text)) ?? "-");
  return found;
}

describe("a fault", () => {
  it("strikes once, the first time unless it says which", async () => {
    expect(await strikes("jet.accept/after=lose", ["a", "b", "c"])).toEqual(["lose", "-", "-"]);
    expect(await strikes("jet.accept/after=lose@2", ["a", "b", "c"])).toEqual(["-", "lose", "-"]);
  });

  it("with a text strikes only where the subject or body holds it, and counts those alone", async () => {
    expect(await strikes("jet.accept/after=lose~poison", ["a", "the poison", "poison"])).toEqual([
      "-",
      "lose",
      "-",
    ]);
    expect(await strikes("jet.accept/after=lose~poison@2", ["poison", "a", "poison"])).toEqual([
      "-",
      "-",
      "lose",
    ]);
  });

  it("with @* strikes every time", async () => {
    expect(await strikes("jet.accept/after=lose~p@*", ["p", "a", "pp"])).toEqual(["lose", "-", "lose"]);
    expect(await strikes("jet.accept/after=lose@*", ["a", ""])).toEqual(["lose", "lose"]);
  });

  it("is for one point and one moment, and several stand side by side", async () => {
    const faults = parseFaults("jet.accept/after=lose@*, resume.ack/before=twice~x");
    expect(await faults.suffer("jet.accept", "before", "x")).toBeUndefined();
    expect(await faults.suffer("resume.ack", "before", "x")).toBe("twice");
    expect(await faults.suffer("jet.accept", "after")).toBe("lose");
  });

  it.each([
    "jet.accept",
    "jet.accept/during=crash",
    "jet.accept/after=explode",
    "no.such/after=crash",
    "jet.accept/after=crash~",
    "jet.accept/after=crash@",
    "jet.accept/after=crash@x",
    "jet.accept/after=crash@1~text",
    "jet.accept/after=crash~a,b",
  ])("that is written wrong is refused: %s", (specification) => {
    expect(() => parseFaults(specification)).toThrow(/not a fault/);
  });
});
