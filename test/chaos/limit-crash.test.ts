import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  answerTo,
  livingOf,
  makeJet,
  onlyWithFault,
  SWITCH_STATES,
  switchTemplate,
} from "../support/required-jets.ts";

/** The limit of a template, whatever dies as a slot of it is taken or freed. */
let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  await applyDocuments(root, [...SWITCH_STATES]);
}, 60_000);
afterAll(() => mesh.stop());

describe("a state-store that dies", () => {
  const slots = async (template: string): Promise<string[]> => {
    const stored = await root.connection.jsm.streams.getMessage(
      root.names.kvStream(root.names.buckets.definitions),
      {
        last_by_subj: root.names.kv(root.names.buckets.definitions, `template.${template}.slots`),
      },
    );
    return (stored?.json<{ slots: { jet: string }[] }>().slots ?? []).map(({ jet }) => jet);
  };

  test.each([
    ["slot.take/before=crash", "before it takes a slot"],
    ["slot.take/after=crash", "after it took a slot, before the jet is written"],
    ["jet.create/after=crash", "after it wrote the jet"],
  ])(
    "by %s, %s, leaves no slot that nobody has",
    async (fault) => {
      const template = `dies-${fault.replaceAll(/[^a-z]/g, "-").slice(0, 30)}`;
      await applyDocuments(root, [switchTemplate(template, { limit: 1 })]);
      const dying = await onlyWithFault(mesh, fault);
      const asked = root
        .request("jet.create", { template, reference: `${template}-1` })
        .catch(() => undefined);
      await dying.gone;
      await Promise.all([mesh.start("state-store"), mesh.start("state-store")]);
      await asked;
      // Whoever finds the limit reached asks after the owner: the slot of a jet that is not there holds up nobody.
      const living = await livingOf(root, template);
      expect(await makeJet(root, template, `${template}-2`)).toBe(
        living.length === 0 ? "SUCCESS" : "limit_reached",
      );
      expect(await livingOf(root, template)).toHaveLength(1);
    },
    60_000,
  );

  test("by slot.free or jet.fence leaves one that is freed later", async () => {
    for (const fault of [
      "jet.fence/before=crash",
      "jet.fence/after=crash",
      "slot.free/before=crash",
      "slot.free/after=crash",
    ]) {
      const template = `frees-${fault.replaceAll(/[^a-z]/g, "-")}`;
      await applyDocuments(root, [switchTemplate(template, { limit: 1 })]);
      expect(await makeJet(root, template, `${template}-1`)).toBe("SUCCESS");
      const dying = await onlyWithFault(mesh, fault);
      await root.request("jet.trigger", { jet: `${template}-1`, action: "destroy" }).catch(() => undefined);
      await dying.gone;
      await mesh.start("state-store");
      expect(await makeJet(root, template, `${template}-2`), fault).toBe("SUCCESS");
      expect(await livingOf(root, template), fault).toEqual([`${template}-2`]);
    }
  }, 90_000);

  test("leaves what the scan frees, also where nobody asks for a slot", async () => {
    await applyDocuments(root, [switchTemplate("swept", { limit: 3 })]);
    const dying = await onlyWithFault(mesh, "slot.take/after=crash");
    await root.request("jet.create", { template: "swept", reference: "swept-1" }).catch(() => undefined);
    await dying.gone;
    expect(await slots("swept")).toEqual(["swept-1"]);
    await mesh.start("state-store");
    await eventually(
      "the slot to be freed",
      async () => ((await slots("swept")).length === 0 ? true : undefined),
      {
        withinMs: 30_000,
        everyMs: 200,
      },
    );
    expect(await makeJet(root, "swept", "swept-1")).toBe("SUCCESS");
  }, 60_000);
});

test("a slot that is written twice, or whose answer is lost, is one", async () => {
  await applyDocuments(root, [switchTemplate("lossy", { limit: 1 })]);
  const points = ["slot.take", "slot.free", "jet.fence"];
  for (const fault of ["before=twice", "after=lose"]) {
    await onlyWithFault(mesh, points.map((point) => `${point}/${fault}`).join(","));
    expect(await makeJet(root, "lossy", "lossy-1"), fault).toBe("SUCCESS");
    expect(await makeJet(root, "lossy", "lossy-2"), fault).toBe("limit_reached");
    expect(await answerTo(root, "lossy-1", "destroy"), fault).toBe("SUCCESS");
    expect(await makeJet(root, "lossy", "lossy-2"), fault).toBe("SUCCESS");
    expect(await livingOf(root, "lossy"), fault).toEqual(["lossy-2"]);
    expect(await answerTo(root, "lossy-2", "destroy"), fault).toBe("SUCCESS");
  }
}, 60_000);
